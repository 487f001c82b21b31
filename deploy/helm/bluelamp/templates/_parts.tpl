{{/* A deployment's name, labels and number. Arguments: name, root, replicas. */}}
{{- define "bluelamp.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
spec:
  replicas: {{ .replicas }}
  {{- if .recreate }}
  strategy: {type: Recreate}
  {{- end }}
  selector:
    matchLabels: {app: bluelamp, part: {{ .name }}}
  template:
{{ include "bluelamp.pod" . | indent 4 }}
{{- end }}

{{/* A pod that may do nothing but run one service. Arguments: name, args, port, ready, env, claim, root, and values if they are under another name. */}}
{{- define "bluelamp.pod" -}}
{{- $values := .root.Values -}}
metadata:
  labels: {app: bluelamp, part: {{ .name }}}
  annotations:
    # Pods start again when a setting changes.
    checksum/settings: {{ toYaml $values.settings | sha256sum }}
spec:
  {{- if .never }}
  restartPolicy: Never
  {{- end }}
  automountServiceAccountToken: false
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - {name: {{ . }}}
    {{- end }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    fsGroup: 10001
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: {{ .name }}
      image: {{ $values.image.repository }}:{{ $values.image.tag | default .root.Chart.AppVersion }}
      {{- with $values.image.pullPolicy }}
      imagePullPolicy: {{ . }}
      {{- end }}
      args: {{ toJson (prepend .args "bluelamp") }}
      envFrom:
        - configMapRef: {name: bluelamp}
        - secretRef: {name: {{ $values.secret }}}
      {{- with .env }}
      env: {{ toJson . }}
      {{- end }}
      {{- with .port }}
      ports:
        - {name: http, containerPort: {{ . }}}
      startupProbe:
        httpGet: {path: /health, port: http}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 24
      livenessProbe:
        httpGet: {path: /health, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: {{ $.ready }}, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
      {{- end }}
      resources: {{ toJson (index $values (.values | default .name)).resources }}
      securityContext:
        readOnlyRootFilesystem: true
        allowPrivilegeEscalation: false
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: forces, mountPath: /etc/bluelamp/forces}
        - {name: rosters, mountPath: /etc/bluelamp/rosters}
        - {name: events, mountPath: /etc/bluelamp/events}
        - {name: files, mountPath: /etc/bluelamp/files}
        {{- if .claim }}
        - {name: data, mountPath: /var/lib/bluelamp}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 512Mi}
    - name: forces
      configMap: {name: {{ $values.files.forces }}, optional: true}
    - name: rosters
      configMap: {name: {{ $values.files.rosters }}, optional: true}
    - name: events
      configMap: {name: {{ $values.files.events }}, optional: true}
    - name: files
      secret: {secretName: {{ $values.files.files }}, optional: true}
    {{- if .claim }}
    - name: data
      persistentVolumeClaim: {claimName: {{ .name }}}
    {{- end }}
{{- end }}

{{/* A service in front of the pods of a part. Arguments: name, port, root. */}}
{{- define "bluelamp.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
spec:
  selector: {app: bluelamp, part: {{ .name }}}
  ports:
    - {name: http, port: {{ .port }}, targetPort: http}
{{- end }}

{{/* A claim of a part's data. helm uninstall keeps it. Arguments: name, root, and values if they are under another name. */}}
{{- define "bluelamp.claim" -}}
{{- $its := index .root.Values (.values | default .name) -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  annotations:
    helm.sh/resource-policy: keep
spec:
  accessModes: [ReadWriteOnce]
  {{- with $its.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources: {requests: {storage: {{ $its.storage }}}}
{{- end }}
