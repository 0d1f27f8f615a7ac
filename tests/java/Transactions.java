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
  }
}
