import io.apicurio.registry.serde.avro.AvroKafkaDeserializer;
import io.cloudevents.CloudEvent;
import io.cloudevents.kafka.KafkaMessageFactory;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Reads alerts to their end as a stock subscriber would, and prints each as a line: attributes of CloudEvents and the
 * alert, in JSON, with a tab between them. The time is printed in milliseconds.
 *
 * <p>Arguments: bootstrap servers, topic, registry (Apicurio's own API).
 */
class Read {
    public static void main(String[] arguments) {
        String bootstrap = arguments[0], topic = arguments[1], registry = arguments[2];
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", bootstrap,
                "group.id", topic + "-java",
                "auto.offset.reset", "earliest",
                "isolation.level", "read_committed",
                "enable.auto.commit", "false",
                "key.deserializer", StringDeserializer.class,
                "value.deserializer", AvroKafkaDeserializer.class,
                "apicurio.registry.url", registry,
                "apicurio.registry.as-confluent", true,
                "apicurio.registry.use-id", "contentId");
        try (var consumer = new KafkaConsumer<String, GenericRecord>(settings)) {
            var partitions = consumer.partitionsFor(topic).stream()
                    .map(it -> new TopicPartition(topic, it.partition()))
                    .toList();
            var ends = consumer.endOffsets(partitions);
            consumer.subscribe(List.of(topic));
            while (!consumer.assignment().containsAll(partitions)
                    || partitions.stream().anyMatch(it -> consumer.position(it) < ends.get(it))) {
                consumer.poll(Duration.ofMillis(100)).forEach(Read::print);
            }
        }
    }

    static void print(ConsumerRecord<String, GenericRecord> record) {
        // What the SDK reads of a record in binary mode are its headers; the value is the deserialiser's.
        CloudEvent event = KafkaMessageFactory.createReader(record.headers(), new byte[0]).toEvent();
        var said = new StringJoiner(",", "{", "}");
        for (String name : event.getAttributeNames()) say(said, name, event.getAttribute(name));
        for (String name : event.getExtensionNames()) say(said, name, event.getExtension(name));
        System.out.println(said + "\t" + record.value());
    }

    static void say(StringJoiner said, String name, Object value) {
        if (value instanceof OffsetDateTime time) said.add("\"" + name + "\":" + time.toInstant().toEpochMilli());
        else if (value != null) said.add("\"" + name + "\":\"" + value + "\"");
    }
}
