// Transactions by the Java client; ../programs/transactions.py says what is written and printed.
//
//   java -cp ... Transactions ADDRESS TOPIC GROUP ID

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
// The transactional producer of Apache Kafka: commits, aborts, fencing, and a consumer that reads
// what is committed.
//   java -cp JARS Transactions.java ADDRESS TOPIC
// The topic has two partitions. 40 records "kept-N" are committed to it; all others are not.
import java.util.Collections;
import java.util.UUID;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TransactionDescription;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.StringSerializer;

public class Transactions {
  private final String address;
  private final String topic;
  private final String group;
  private final String id;

  Transactions(String[] args) {
    address = args[0];
    topic = args[1];
    group = args[2];
    id = args[3];
  }

  private KafkaProducer<String, String> begin() {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", address);
    settings.put("transactional.id", id);
    settings.put("key.serializer", StringSerializer.class);
    settings.put("value.serializer", StringSerializer.class);
    KafkaProducer<String, String> producer = new KafkaProducer<>(settings);
    producer.initTransactions();
    return producer;
  }

  private void write(KafkaProducer<String, String> producer, String what, int count) {
    producer.beginTransaction();
    for (int number = 0; number < count; number++) {
      producer.send(new ProducerRecord<>(topic, number % 3, null, what + "-" + number));
    }
    producer.flush();
  }

  private void sendOffset(KafkaProducer<String, String> producer, long offset) {
    Properties settings = reading();
    settings.put("group.id", group);
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings)) {
      producer.sendOffsetsToTransaction(
          Map.of(new TopicPartition(topic + "-in", 0), new OffsetAndMetadata(offset)),
          consumer.groupMetadata());
    }
  }

  private void produce() {
    try (KafkaProducer<String, String> producer = begin()) {
      write(producer, "committed", 9);
      producer.commitTransaction();
      write(producer, "aborted", 9);
      producer.abortTransaction();
      write(producer, "with-offsets", 3);
      sendOffset(producer, 5);
      producer.commitTransaction();
      write(producer, "without-offsets", 3);
      sendOffset(producer, 9);
      producer.abortTransaction();
      write(producer, "open", 3);
      try (KafkaProducer<String, String> second = begin()) {
        try {
          producer.commitTransaction();
        } catch (KafkaException error) {
          System.out.println("fenced " + error.getClass().getSimpleName());
        }
        write(second, "last", 3);
        second.commitTransaction();
      }
    }
  }

  private Properties reading() {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", address);
    settings.put("isolation.level", "read_committed");
    settings.put("key.deserializer", StringDeserializer.class);
    settings.put("value.deserializer", StringDeserializer.class);
    return settings;
  }

  private void read() {
    List<String> last = new ArrayList<>();
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(reading())) {
      List<TopicPartition> all =
          IntStream.range(0, 3).mapToObj(number -> new TopicPartition(topic, number)).toList();
      consumer.assign(all);
      consumer.seekToBeginning(all);
      while (last.size() < 3) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(500))) {
          System.out.println(
              "read " + record.partition() + " " + record.offset() + " " + record.value());
          if (record.value().startsWith("last-")) last.add(record.value());
        }
      }
    }
  }

  public static void main(String[] args) {
    Transactions transactions = new Transactions(args);
    transactions.produce();
    transactions.read();
  private final String id = "java-" + UUID.randomUUID();
  Transactions(String address, String topic) {
    this.address = address;
    this.topic = topic;
  KafkaProducer<String, String> producer() {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", address);
    properties.put("transactional.id", id);
    properties.put("key.serializer", StringSerializer.class.getName());
    properties.put("value.serializer", StringSerializer.class.getName());
    return new KafkaProducer<>(properties);
  void send(KafkaProducer<String, String> producer, String value, int partition) {
    producer.send(new ProducerRecord<>(topic, partition, null, value));
  void commitAndAbort(KafkaProducer<String, String> producer) {
    for (int i = 0; i < 20; i++) {
      producer.beginTransaction();
      send(producer, "kept-" + 2 * i, i % 2);
      send(producer, "kept-" + (2 * i + 1), (i + 1) % 2);
      producer.beginTransaction();
      send(producer, "aborted-" + i, i % 2);
      if (i % 2 == 0) producer.flush();
    producer.abortTransaction();  // nothing in it
    producer.commitTransaction();  // nothing in it either
    System.out.println("ended");
  void describe(KafkaProducer<String, String> producer) throws Exception {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", address);
    try (Admin admin = Admin.create(properties)) {
      producer.beginTransaction();
      send(producer, "open", 0);
      producer.flush();
      TransactionDescription open =
          admin.describeTransactions(Collections.singleton(id)).description(id).get();
      if (open.state() != TransactionState.ONGOING || open.topicPartitions().size() != 1) {
        throw new IllegalStateException("described as " + open);
      boolean listed =
          admin.listTransactions().all().get().stream()
              .anyMatch(one -> one.transactionalId().equals(id));
      if (!listed) throw new IllegalStateException("not listed");
    System.out.println("described");
  /** Leaves a transaction open that a new instance ends. */
  void fence(KafkaProducer<String, String> old) {
    try (KafkaProducer<String, String> young = producer()) {
      young.initTransactions();
      try {
        old.commitTransaction();
        throw new IllegalStateException("the old one could commit");
      } catch (ProducerFencedException | InvalidProducerEpochException fenced) {
        System.out.println("fenced");
      } catch (KafkaException other) {
        if (!(other.getCause() instanceof ProducerFencedException)
            && !(other.getCause() instanceof InvalidProducerEpochException)) throw other;
        System.out.println("fenced");
      young.beginTransaction();
      send(young, "aborted by the young", 1);
      young.abortTransaction();
  public static void main(String[] arguments) throws Exception {
    Transactions program = new Transactions(arguments[0], arguments[1]);
    try (KafkaProducer<String, String> producer = program.producer()) {
      producer.initTransactions();
      program.commitAndAbort(producer);
      program.describe(producer);
      program.fence(producer);
    System.out.println("done");
  }
}
