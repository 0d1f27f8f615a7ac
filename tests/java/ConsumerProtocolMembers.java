// Members of one group by Kafka's own client, who share a topic by the consumer protocol (KIP-848)
// while members come and go, the topic grows, and a member of the classic protocol takes over.
// Arguments: the broker's address, the topic (4 partitions), the group.

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.serialization.StringDeserializer;

public class ConsumerProtocolMembers {
    private static final long PATIENCE_MS = 90_000;

    private final Properties common = new Properties();
    private final Map<String, KafkaConsumer<String, String>> members = new HashMap<>();
    /** What was read, once each: a partition that moves before a commit is read again. */
    private final TreeSet<String> values = new TreeSet<>();

    private KafkaConsumer<String, String> start(String name, String protocol) {
        Properties settings = new Properties();
        settings.putAll(common);
        settings.put("group.protocol", protocol);
        settings.put("client.id", name);
        KafkaConsumer<String, String> member =
            new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
        members.put(name, member);
        return member;
    }

    /** Polls all members until they own so many partitions, each partition one of them. */
    private void settle(String stage, Map<String, Integer> shares) {
        long end = System.currentTimeMillis() + PATIENCE_MS;
        while (true) {
            boolean fits = true;
            TreeSet<String> owned = new TreeSet<>();
            int count = 0;
            for (Map.Entry<String, KafkaConsumer<String, String>> each : members.entrySet()) {
                KafkaConsumer<String, String> member = each.getValue();
                member.poll(Duration.ofMillis(50)).forEach(record -> values.add(record.value()));
                fits = fits && member.assignment().size() == shares.get(each.getKey());
                count += member.assignment().size();
                member.assignment().forEach(partition -> owned.add(partition.toString()));
            }
            if (fits && owned.size() == count) break;
            if (System.currentTimeMillis() > end) {
                throw new IllegalStateException(stage + ": " + owned);
            }
        }
        System.out.println(stage);
    }

    private void stop(String name) {
        members.remove(name).close();
    }

    public static void main(String[] arguments) throws Exception {
        ConsumerProtocolMembers group = new ConsumerProtocolMembers();
        String topic = arguments[1];
        group.common.put("bootstrap.servers", arguments[0]);
        group.common.put("group.id", arguments[2]);
        group.common.put("auto.offset.reset", "earliest");
        group.common.put("enable.auto.commit", "false");
        group.common.put("metadata.max.age.ms", "1000");
        try {
            group.start("a", "consumer").subscribe(List.of(topic));
            group.settle("one member", Map.of("a", 4));
            group.start("b", "consumer").subscribe(new SubscriptionPattern(topic + ".*"));
            group.settle("two members", Map.of("a", 2, "b", 2));
            while (group.values.size() < 100) group.settle("reading", Map.of("a", 2, "b", 2));
            for (KafkaConsumer<String, String> member : group.members.values()) member.commitSync();
            System.out.println("committed " + group.values.size());
            try (Admin admin = Admin.create(group.common)) {
                admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(6))).all().get();
            }
            group.settle("topic grew", Map.of("a", 3, "b", 3));
            group.stop("a");
            group.settle("one left", Map.of("b", 6));
            group.start("c", "classic").subscribe(List.of(topic));
            group.settle("a classic member joined", Map.of("b", 3, "c", 3));
            group.stop("b");
            group.settle("classic again", Map.of("c", 6));
            group.start("d", "consumer").subscribe(List.of(topic));
            group.settle("upgraded", Map.of("c", 3, "d", 3));
        } finally {
            for (String name : new ArrayList<>(group.members.keySet())) group.stop(name);
        }
    }
}
