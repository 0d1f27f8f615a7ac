// Producers with the partitioners that tutorials print, each given the same records.
//
//   java -cp JARS SeedPartitioners.java ADDRESS
//
// Standard input: lines of KEY:VALUE; no key where KEY is empty. Each partitioner sends all of them
// to a topic of its name. Output: PARTITIONER KEY VALUE PARTITION OFFSET, by tabs, in that order.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Partitioner;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Utils;

public class SeedPartitioners {

  public abstract static class Plain implements Partitioner {
    @Override
    public void configure(Map<String, ?> configs) {}

    @Override
    public void close() {}
  }

  /** "Hash-Based Partitioning (Default)". */
  public static class DefaultPartitioner extends Plain {
    private final AtomicInteger counter = new AtomicInteger();

    @Override
    public int partition(String topic, Object key, byte[] keyBytes, Object value,
        byte[] valueBytes, Cluster cluster) {
      List<PartitionInfo> partitions = cluster.partitionsForTopic(topic);
      int numPartitions = partitions.size();

      if (keyBytes == null) {
        // Round-robin for null keys
        return counter.incrementAndGet() % numPartitions;
      }

      // Hash-based partitioning for non-null keys
      return Math.abs(Utils.murmur2(keyBytes)) % numPartitions;
    }
  }

  /** "Custom Partitioning": users in the first half of the partitions, the system in the second. */
  public static class CustomPartitioner extends Plain {
    @Override
    public int partition(String topic, Object key, byte[] keyBytes, Object value,
        byte[] valueBytes, Cluster cluster) {
      List<PartitionInfo> partitions = cluster.partitionsForTopic(topic);
      int numPartitions = partitions.size();

      if (key == null) {
        return 0; // Send null keys to partition 0
      }

      // Business logic-based partitioning
      if (key instanceof String) {
        String keyStr = (String) key;

        // User events to first half of partitions
        if (keyStr.startsWith("user-")) {
          return Math.abs(keyStr.hashCode()) % (numPartitions / 2);
        }

        // System events to second half of partitions
        if (keyStr.startsWith("system-")) {
          return (numPartitions / 2) + Math.abs(keyStr.hashCode()) % (numPartitions / 2);
        }
      }

      // Default hash-based partitioning
      return Math.abs(Utils.murmur2(keyBytes)) % numPartitions;
    }
  }

  /** "Time-Based Partitioning". */
  public static class TimeBasedPartitioner extends Plain {
    @Override
    public int partition(String topic, Object key, byte[] keyBytes, Object value,
        byte[] valueBytes, Cluster cluster) {
      List<PartitionInfo> partitions = cluster.partitionsForTopic(topic);
      int numPartitions = partitions.size();

      // Use timestamp for partitioning
      long timestamp = System.currentTimeMillis();
      int hourOfDay = (int) ((timestamp / (1000 * 60 * 60)) % 24);

      return hourOfDay % numPartitions;
    }
  }

  /** "Geographic Partitioning". */
  public static class GeographicPartitioner extends Plain {
    @Override
    public int partition(String topic, Object key, byte[] keyBytes, Object value,
        byte[] valueBytes, Cluster cluster) {
      List<PartitionInfo> partitions = cluster.partitionsForTopic(topic);
      int numPartitions = partitions.size();

      if (value instanceof String) {
        String valueStr = (String) value;

        // Extract region from value and partition accordingly
        if (valueStr.contains("US")) return 0;
        if (valueStr.contains("EU")) return 1;
        if (valueStr.contains("ASIA")) return 2;
      }

      return keyBytes == null ? 0 : Math.abs(Utils.murmur2(keyBytes)) % numPartitions;
    }
  }

  /** "A custom partitioner sends messages tagged Region A to P0 and Region B to P1." */
  public static class RegionPartitioner extends Plain {
    @Override
    public int partition(String topic, Object key, byte[] keyBytes, Object value,
        byte[] valueBytes, Cluster cluster) {
      return ((String) value).contains("Region B") ? 1 : 0;
    }
  }

  /** "The producer maintains a counter [...]: message count % partition count." */
  public static class RoundRobinPartitioner extends Plain {
    private final AtomicInteger count = new AtomicInteger();

    @Override
    public int partition(String topic, Object key, byte[] keyBytes, Object value,
        byte[] valueBytes, Cluster cluster) {
      return count.getAndIncrement() % cluster.partitionCountForTopic(topic);
    }
  }

  private static void send(String address, Class<?> partitioner, List<String> lines)
      throws Exception {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", address);
    settings.put("key.serializer", StringSerializer.class);
    settings.put("value.serializer", StringSerializer.class);
    if (partitioner != null) settings.put("partitioner.class", partitioner);
    String topic = partitioner == null ? "BuiltIn" : partitioner.getSimpleName();
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings)) {
      for (String line : lines) {
        String[] parts = line.split(":", 2);
        String key = parts[0].isEmpty() ? null : parts[0];
        sent.add(producer.send(new ProducerRecord<>(topic, key, parts[1])));
      }
    }
    for (int at = 0; at < lines.size(); at++) {
      RecordMetadata where = sent.get(at).get();
      System.out.println(String.join("\t", topic, lines.get(at).replaceFirst(":", "\t"),
          "" + where.partition(), "" + where.offset()));
    }
  }

  /** "Explicit partition 0", and any other. */
  private static void sendToChosen(String address, int partitions) throws Exception {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", address);
    settings.put("key.serializer", StringSerializer.class);
    settings.put("value.serializer", StringSerializer.class);
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings)) {
      for (int partition = 0; partition < partitions; partition++) {
        ProducerRecord<String, String> record =
            new ProducerRecord<>("Chosen", partition, "key", "value");
        RecordMetadata where = producer.send(record).get();
        System.out.println(String.join("\t", "Chosen", "key", "value", "" + where.partition(),
            "" + where.offset()));
      }
    }
  }

  public static void main(String[] args) throws Exception {
    List<String> lines = new BufferedReader(new InputStreamReader(System.in)).lines()
        .collect(Collectors.toList());
    for (Class<?> partitioner : List.of(DefaultPartitioner.class, CustomPartitioner.class,
        TimeBasedPartitioner.class, GeographicPartitioner.class, RegionPartitioner.class,
        RoundRobinPartitioner.class)) {
      send(args[0], partitioner, lines);
    }
    List<String> keyed = lines.stream().filter(line -> !line.startsWith(":")).toList();
    send(args[0], null, keyed);
    sendToChosen(args[0], 6);
  }
}
