// Consumers of a group, and partitions looked at, as tutorials print them, with typos mended.
//
//   java -cp JARS SeedGroups.java ADDRESS TOPIC FROM_TIME_MS
//
// The topic has two partitions with five records each. Each printed line is one answer.

import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

public class SeedGroups {
  private static KafkaConsumer<String, String> consumer(String address, String group) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", address);
    settings.put("group.id", group);
    settings.put("heartbeat.interval.ms", 300);
    settings.put("key.deserializer", StringDeserializer.class);
    settings.put("value.deserializer", StringDeserializer.class);
    settings.put("auto.offset.reset", "earliest");
    settings.put("enable.auto.commit", false);
    return new KafkaConsumer<>(settings);
  }

  /** "Consumer Assignment". */
  public static class PartitionAssignment {
    private final KafkaConsumer<String, String> consumer;

    PartitionAssignment(KafkaConsumer<String, String> consumer) {
      this.consumer = consumer;
    }

    public void subscribe(String topic) {
      // Subscribe to topic - Kafka assigns partitions automatically
      consumer.subscribe(Collections.singletonList(topic));
    }

    public void assign(String topic) {
      // Or manually assign specific partitions
      List<TopicPartition> partitions =
          Arrays.asList(new TopicPartition(topic, 0), new TopicPartition(topic, 1));
      consumer.assign(partitions);
    }
  }

  /** "Partition Rebalancing": commits before it gives partitions up, and begins anew. */
  public static class RebalancingConsumer implements AutoCloseable {
    private final String name;
    private final KafkaConsumer<String, String> consumer;
    private final Map<Integer, Integer> read = new TreeMap<>();

    RebalancingConsumer(String name, String address, String group) {
      this.name = name;
      consumer = consumer(address, group);
    }

    public void handleRebalancing(String topic) {
      consumer.subscribe(Collections.singletonList(topic),
          new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
              // Commit offsets before partitions are revoked
              consumer.commitSync();
              System.out.println(name + ": Partitions revoked: " + sorted(partitions));
            }

            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
              System.out.println(name + ": Partitions assigned: " + sorted(partitions));

              // Optionally seek to specific offsets
              for (TopicPartition partition : partitions) {
                consumer.seek(partition, 0); // Start from beginning
              }
              read.clear();
            }
          });
    }

    private static List<String> sorted(Collection<TopicPartition> partitions) {
      return partitions.stream().map(TopicPartition::toString).sorted().toList();
    }

    void poll() {
      for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) {
        read.merge(record.partition(), 1, Integer::sum);
      }
    }

    @Override
    public void close() {
      consumer.close();
    }
  }

  /** "ISR": the first of the two that are named so. */
  public static class PartitionHealthCheck {
    private final KafkaConsumer<String, String> consumer;

    PartitionHealthCheck(KafkaConsumer<String, String> consumer) {
      this.consumer = consumer;
    }

    public boolean isPartitionHealthy(String topic, int partition) {
      List<PartitionInfo> partitions = consumer.partitionsFor(topic);

      for (PartitionInfo partitionInfo : partitions) {
        if (partitionInfo.partition() == partition) {
          // Check if we have enough in-sync replicas
          return partitionInfo.inSyncReplicas().length >= 2;
        }
      }
      return false;
    }
  }

  /** "Partition Count Calculation". */
  public static class PartitionCalculator {
    public int calculateOptimalPartitions(int targetThroughput, int maxThroughputPerPartition) {
      return Math.max(1, targetThroughput / maxThroughputPerPartition);
    }

    public int calculatePartitionsForConsumers(int numConsumers, int numProducers) {
      return Math.max(numConsumers, numProducers);
    }

    // Example usage
    public int example() {
      int targetThroughput = 10000; // messages per second
      int maxThroughputPerPartition = 1000; // messages per second per partition
      return calculateOptimalPartitions(targetThroughput, maxThroughputPerPartition);
    }
  }

  /** "Partition Distribution". */
  public static class PartitionBalancer {
    private final KafkaConsumer<String, String> consumer;

    PartitionBalancer(KafkaConsumer<String, String> consumer) {
      this.consumer = consumer;
    }

    public void checkPartitionBalance(String topic) {
      List<PartitionInfo> partitions = consumer.partitionsFor(topic);

      Map<Integer, Integer> brokerPartitionCount = new HashMap<>();

      for (PartitionInfo partition : partitions) {
        int leaderId = partition.leader().id();
        brokerPartitionCount.merge(leaderId, 1, Integer::sum);
      }

      // Check if partitions are evenly distributed
      int minPartitions =
          brokerPartitionCount.values().stream().mapToInt(Integer::intValue).min().orElse(0);
      int maxPartitions =
          brokerPartitionCount.values().stream().mapToInt(Integer::intValue).max().orElse(0);

      double balanceRatio = (double) minPartitions / maxPartitions;
      System.out.println("Partition balance ratio: " + balanceRatio);
    }
  }

  /** "Partition Monitoring" of the best practices. */
  public static class PartitionMonitor {
    private final KafkaConsumer<String, String> consumer;

    PartitionMonitor(KafkaConsumer<String, String> consumer) {
      this.consumer = consumer;
    }

    public void monitorPartitions(String topic) {
      List<PartitionInfo> partitions = consumer.partitionsFor(topic);

      for (PartitionInfo partition : partitions) {
        // Check leader availability
        if (partition.leader() == null) {
          System.out.println("Partition " + partition.partition() + " has no leader");
        }

        // Check replication
        if (partition.inSyncReplicas().length < 2) {
          System.out.println(
              "Partition " + partition.partition() + " has insufficient replicas");
        }
      }
    }
  }

  /** One alone, then two: each poll may end in the callbacks. */
  private static void rebalance(String address, String topic) {
    try (RebalancingConsumer first = new RebalancingConsumer("first", address, "rebalancing")) {
      first.handleRebalancing(topic);
      while (!first.read.equals(Map.of(0, 5, 1, 5))) first.poll();
      System.out.println("first has read " + first.read);
      try (RebalancingConsumer second =
               new RebalancingConsumer("second", address, "rebalancing")) {
        second.handleRebalancing(topic);
        while (first.read.size() != 1 || second.read.size() != 1
            || !first.read.containsValue(5) || !second.read.containsValue(5)) {
          first.poll();
          second.poll();
        }
        System.out.println("first has read " + first.read);
        System.out.println("second has read " + second.read);
      }
    }
  }

  private static void assignAndSeek(String address, String topic, long since) {
    try (KafkaConsumer<String, String> consumer = consumer(address, "seeking")) {
      new PartitionAssignment(consumer).subscribe(topic);
      while (consumer.assignment().isEmpty()) consumer.poll(Duration.ofMillis(100));
      SeedOffsets seed = new SeedOffsets(consumer, topic);
      seed.seek(since);
      consumer.unsubscribe();
      new PartitionAssignment(consumer).assign(topic);
      seed.read("assigned");
    }
  }

  public static void main(String[] args) {
    String topic = args[1];
    rebalance(args[0], topic);
    assignAndSeek(args[0], topic, Long.parseLong(args[2]));
    try (KafkaConsumer<String, String> consumer = consumer(args[0], "unused")) {
      System.out.println(
          "healthy=" + new PartitionHealthCheck(consumer).isPartitionHealthy(topic, 0));
      PartitionCalculator calculator = new PartitionCalculator();
      System.out.println("partitions=" + calculator.example() + " "
          + calculator.calculatePartitionsForConsumers(6, 4));
      new PartitionBalancer(consumer).checkPartitionBalance(topic);
      new PartitionMonitor(consumer).monitorPartitions(topic);
    }
  }
}
