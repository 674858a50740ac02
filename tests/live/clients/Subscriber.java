import static java.nio.charset.StandardCharsets.UTF_8;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * The example of docs/subscribe.md, with what it needs around it: it subscribes for ever, so whoever handles alerts
 * says when to stop.
 *
 * <p>Arguments: bootstrap servers, number of alerts.
 */
class Subscriber {
    static int left;

    static void handleOnce(String id, String value) {
        System.out.println(id + "\t" + value);
        if (--left == 0) System.exit(0);
    }

    public static void main(String[] arguments) {
        String kafka = arguments[0];
        left = Integer.parseInt(arguments[1]);
        // <example>
    }
}
