import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.OperatingSystemMXBean;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams, used as its documentation shows: a keyed store, a regrouped stream and tumbling windows.
 *
 * <p>Arguments: Kafka's address, the end (not used), the number of facts. Prints the seconds, the processor seconds and every pane:
 * its key, its minute and its waits in seconds. The question is that of question.py.
 */
public final class KafkaStreamsPeer {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long QUIET_NANOSECONDS = Duration.ofSeconds(15).toNanos();
  private static final AtomicLong facts = new AtomicLong();
  private static long startNanoseconds, startProcessor;
  private static volatile long lastNanoseconds, lastProcessor;

  public static void main(String[] arguments) throws Exception {
    KafkaStreams streams = new KafkaStreams(topology().build(), settings(arguments[0]));
    streams.start();
    while (facts.get() == 0 || System.nanoTime() - lastNanoseconds < QUIET_NANOSECONDS) Thread.sleep(200);
    if (facts.get() != Long.parseLong(arguments[2])) throw new IllegalStateException(facts + " of " + arguments[2] + " facts arrived");
    ObjectNode found = JSON.createObjectNode();
    found.put("seconds", (lastNanoseconds - startNanoseconds) / 1e9).put("processor", (lastProcessor - startProcessor) / 1e9);
    ArrayNode panes = found.putArray("panes");
    var store = streams.store(StoreQueryParameters.fromNameAndType("panes", QueryableStoreTypes.<String, JsonNode>windowStore()));
    try (var all = store.all()) {
      all.forEachRemaining(each -> panes.addArray().add(each.key.key()).add(each.key.window().start() / 60_000).add(each.value));
    }
    System.out.println(JSON.writeValueAsString(found));
    streams.close(Duration.ofSeconds(30));
  }

  private static Properties settings(String address) throws Exception {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "peer");
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, address);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, Files.createTempDirectory("streams").toString());
    settings.put("auto.offset.reset", "earliest");
    return settings;
  }

  private static StreamsBuilder topology() {
    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("subjects"), Serdes.String(), json()));
    builder.stream(List.of("contacts", "incidents"), Consumed.with(Serdes.String(), json()))
        .process(Follow::new, "subjects")
        .groupByKey(Grouped.with(Serdes.String(), json()))
        .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMinutes(1), Duration.ofHours(1)))
        .aggregate(JSON::createArrayNode, KafkaStreamsPeer::added,
            Materialized.<String, JsonNode, org.apache.kafka.streams.state.WindowStore<org.apache.kafka.common.utils.Bytes, byte[]>>as("panes")
                .withKeySerde(Serdes.String()).withValueSerde(json()).withRetention(Duration.ofDays(30)));
    return builder;
  }

  private static JsonNode added(String key, JsonNode wait, JsonNode pane) {
    note();
    return ((ArrayNode) pane.deepCopy()).add(wait);
  }

  private static synchronized void note() {
    long now = System.nanoTime(), used = ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    if (startNanoseconds == 0) {
      startNanoseconds = now;
      startProcessor = used;
    }
    lastNanoseconds = now;
    lastProcessor = used;
  }

  private static Serde<JsonNode> json() {
    return Serdes.serdeFrom((topic, node) -> written(node), (topic, bytes) -> read(bytes));
  }

  private static byte[] written(JsonNode node) {
    try {
      return node == null ? null : JSON.writeValueAsBytes(node);
    } catch (java.io.IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  private static JsonNode read(byte[] bytes) {
    try {
      return bytes == null ? null : JSON.readTree(bytes);
    } catch (java.io.IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  /** Keeps what is known of each subject, and forwards each finished wait under its key, at the minute in which it ended. */
  private static final class Follow implements Processor<String, JsonNode, String, JsonNode> {
    private ProcessorContext<String, JsonNode> context;
    private KeyValueStore<String, JsonNode> subjects;

    @Override
    public void init(ProcessorContext<String, JsonNode> given) {
      context = given;
      subjects = given.getStateStore("subjects");
    }

    @Override
    public void process(Record<String, JsonNode> record) {
      facts.incrementAndGet();
      note();
      JsonNode stored = subjects.get(record.key());
      ObjectNode known = stored == null ? JSON.createObjectNode() : (ObjectNode) stored;
      follow(known, record.value());
      boolean finished = !known.has("finished") && known.has("opened") && known.has("ended");
      if (finished) known.put("finished", true);
      subjects.put(record.key(), known);
      if (finished) forward(known);
    }

    private static void follow(ObjectNode known, JsonNode fact) {
      double at = seconds(fact.get("at").asText());
      switch (fact.get("fact").asText()) {
        case "ContactOffered", "IncidentOpened" -> {
          if (!known.has("opened")) known.put("opened", at);
          if (!known.has("grade")) known.put("grade", fact.path("grade").asText(""));
          known.put("area", fact.path("area").asText("none")).put("line", fact.path("line").asText(""));
        }
        case "IncidentRegraded" -> known.put("grade", fact.get("grade").asText());
        case "ContactAnswered", "UnitArrived" -> {
          if (!known.has("ended")) known.put("ended", at);
        }
        default -> { }
      }
    }

    private void forward(ObjectNode known) {
      String line = known.get("line").asText();
      if (!line.equals("999") && !known.get("grade").asText().equals("1")) return;
      double perSecond = line.isEmpty() ? 1 : 10, ended = known.get("ended").asDouble();
      double wait = (long) ((ended - known.get("opened").asDouble()) * perSecond + 0.5) / perSecond;
      String key = line.isEmpty() ? known.get("area").asText() : "999";
      context.forward(new Record<>(key, JSON.getNodeFactory().numberNode(wait), (long) ended / 60 * 60_000));
    }

    private static double seconds(String time) {
      Instant at = Instant.parse(time);
      return at.getEpochSecond() + at.getNano() / 1e9;
    }
  }
}
