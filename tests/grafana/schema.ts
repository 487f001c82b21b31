// What a dashboard file must be, in the terms of Grafana's own types: the test writes each panel as a constant of these.
import type { AnnotationQuery, Dashboard, DataSourceRef, Panel, RowPanel, VariableModel } from "@grafana/schema";
import type { AnnotationTarget } from "@grafana/schema/dist/esm/raw/dashboard/x/Dashboard_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as stateTimeline from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as text from "@grafana/schema/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// JSON holds the values of enums, not their names.
type Plain<T> = T extends string
  ? `${T}`
  : T extends number
    ? `${T}` extends `${infer N extends number}`
      ? N
      : never
    : T extends boolean | null | undefined
      ? T
      : T extends readonly (infer U)[]
        ? Plain<U>[]
        : T extends object
          ? { [K in keyof T]: Plain<T[K]> }
          : T;

// The types package has no query of the Prometheus data source.
interface Query {
  refId: string;
  expr: string;
  legendFormat: string;
  instant: boolean;
  range: boolean;
  format: "time_series" | "table";
}

type Bare = Plain<Omit<Panel, "type" | "options" | "fieldConfig" | "targets" | "datasource" | "transformations">>;
type Defaults = Plain<Omit<NonNullable<Panel["fieldConfig"]>["defaults"], "custom">>;
type Overrides = Plain<NonNullable<Panel["fieldConfig"]>["overrides"]>;

type Shown<Name, Options, Custom> = Bare & {
  type: Name;
  datasource: DataSourceRef;
  options: Plain<Options>;
  fieldConfig: { defaults: Defaults & { custom?: Partial<Plain<Custom>> }; overrides: Overrides };
  targets: Query[];
  transformations?: { id: "merge" | "organize" | "sortBy"; options: unknown }[];
};

export type StatPanel = Shown<"stat", stat.Options, never>;
export type TimeSeriesPanel = Shown<"timeseries", timeseries.Options, timeseries.FieldConfig>;
export type TablePanel = Shown<"table", table.Options, table.FieldConfig>;
export type StateTimelinePanel = Shown<"state-timeline", stateTimeline.Options, stateTimeline.FieldConfig>;
export type TextPanel = Bare & { type: "text"; datasource: DataSourceRef; options: Plain<text.Options> };
export type Row = Plain<Omit<RowPanel, "panels">> & { panels: never[] };
export type Variable = Plain<VariableModel>;
export interface Annotation extends Plain<Omit<AnnotationQuery, "target" | "type">> {
  target: { refId: string; expr: string; interval: string } | Plain<Required<AnnotationTarget>> & { refId: string };
  // The Prometheus data source's own.
  titleFormat?: string;
  textFormat?: string;
}

export type Around = Plain<Omit<Dashboard, "panels" | "templating" | "annotations">> & {
  panels: never[];
  templating: { list: never[] };
  annotations: { list: never[] };
};
