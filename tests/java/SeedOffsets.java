// A consumer without a group, as tutorials print it: where it stands, seeking, monitoring.
//
//   java -cp JARS SeedOffsets.java ADDRESS TOPIC FROM_TIME_MS
//
// The topic has two partitions; each printed line is one answer.

import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

public class SeedOffsets {
  private final KafkaConsumer<String, String> consumer;
  private final String topic;

  SeedOffsets(KafkaConsumer<String, String> consumer, String topic) {
    this.consumer = consumer;
    this.topic = topic;
  }

  /** "Or manually assign specific partitions". */
  void assignPartitions() {
    List<TopicPartition> partitions =
        Arrays.asList(new TopicPartition(topic, 0), new TopicPartition(topic, 1));
    consumer.assign(partitions);
  }

  void trackOffsets() {
    Set<TopicPartition> partitions = consumer.assignment();

    for (TopicPartition partition : partitions) {
      // Get current position
      long currentOffset = consumer.position(partition);

      // Get beginning offset
      long beginningOffset =
          consumer.beginningOffsets(Collections.singletonList(partition)).get(partition);

      // Get end offset
      long endOffset = consumer.endOffsets(Collections.singletonList(partition)).get(partition);

      System.out.printf("Partition %d: current=%d, beginning=%d, end=%d%n",
          partition.partition(), currentOffset, beginningOffset, endOffset);
    }
  }

  /** Reads to the end of what is assigned, and counts. */
  void read(String what) {
    Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
    StringBuilder values = new StringBuilder();
    while (!ends.entrySet().stream().allMatch(e -> consumer.position(e.getKey()) >= e.getValue())) {
      for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) {
        if (record.partition() == 0) values.append(' ').append(record.value());
      }
    }
    System.out.println(what + ":" + values);
  }

  void seek(long since) {
    // Seek to beginning
    consumer.seekToBeginning(Collections.singletonList(new TopicPartition(topic, 0)));
    read("beginning");

    // Seek to end
    consumer.seekToEnd(Collections.singletonList(new TopicPartition(topic, 0)));
    read("end");

    // Seek to specific offset
    consumer.seek(new TopicPartition(topic, 0), 7);
    read("offset");

    // Seek to timestamp
    Map<TopicPartition, Long> timestamps =
        Collections.singletonMap(new TopicPartition(topic, 0), since);
    Map<TopicPartition, OffsetAndTimestamp> offsets = consumer.offsetsForTimes(timestamps);

    for (Map.Entry<TopicPartition, OffsetAndTimestamp> entry : offsets.entrySet()) {
      consumer.seek(entry.getKey(), entry.getValue().offset());
    }
    read("time");
  }

  Map<String, Object> getPartitionMetrics(String topic, int partition) {
    Map<String, Object> metrics = new HashMap<>();

    TopicPartition topicPartition = new TopicPartition(topic, partition);

    // Get partition size
    long endOffset =
        consumer.endOffsets(Collections.singletonList(topicPartition)).get(topicPartition);
    metrics.put("size", endOffset);

    // Get consumer lag
    long currentOffset = consumer.position(topicPartition);
    metrics.put("lag", endOffset - currentOffset);

    // Get partition leader
    List<PartitionInfo> partitions = consumer.partitionsFor(topic);
    for (PartitionInfo partitionInfo : partitions) {
      if (partitionInfo.partition() == partition) {
        metrics.put("leader", partitionInfo.leader().id());
        metrics.put("replicas", partitionInfo.replicas().length);
        metrics.put("inSyncReplicas", partitionInfo.inSyncReplicas().length);
        break;
      }
    }

    return metrics;
  }

  boolean isPartitionHealthy(String topic, int partition) {
    try {
      TopicPartition topicPartition = new TopicPartition(topic, partition);

      // Check if partition is accessible
      long endOffset =
          consumer.endOffsets(Collections.singletonList(topicPartition)).get(topicPartition);

      // Check if we can read from partition
      consumer.assign(Collections.singletonList(topicPartition));
      consumer.seek(topicPartition, Math.max(0, endOffset - 1));

      ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(2_000));

      return !records.isEmpty() || endOffset == 0;

    } catch (Exception e) {
      return false;
    }
  }

  public static void main(String[] args) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("key.deserializer", StringDeserializer.class);
    settings.put("value.deserializer", StringDeserializer.class);
    settings.put("auto.offset.reset", "earliest");
    settings.put("default.api.timeout.ms", 4_000);  // after which a partition is not there
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings)) {
      SeedOffsets seed = new SeedOffsets(consumer, args[1]);
      seed.assignPartitions();
      seed.trackOffsets();
      seed.seek(Long.parseLong(args[2]));
      Map<String, Object> metrics = seed.getPartitionMetrics(args[1], 0);
      for (String name : List.of("size", "lag", "leader", "replicas", "inSyncReplicas")) {
        System.out.println(name + "=" + metrics.get(name));
      }
      System.out.println("healthy=" + seed.isPartitionHealthy(args[1], 0)
          + seed.isPartitionHealthy(args[1], 1) + seed.isPartitionHealthy(args[1], 7));
    }
  }
}
