// The transactional producer of Apache Kafka: commits, aborts, fencing, and a consumer that reads
// what is committed.
//
//   java -cp JARS TransactionalProducers.java ADDRESS TOPIC
//
// The topic has two partitions. 40 records "kept-N" are committed to it; all others are not.

import java.util.Collections;
import java.util.Properties;
import java.util.UUID;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TransactionDescription;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.StringSerializer;

public class TransactionalProducers {
  private final String address;
  private final String topic;
  private final String id = "java-" + UUID.randomUUID();

  TransactionalProducers(String address, String topic) {
    this.address = address;
    this.topic = topic;
  }

  KafkaProducer<String, String> producer() {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", address);
    properties.put("transactional.id", id);
    properties.put("key.serializer", StringSerializer.class.getName());
    properties.put("value.serializer", StringSerializer.class.getName());
    return new KafkaProducer<>(properties);
  }

  void send(KafkaProducer<String, String> producer, String value, int partition) {
    producer.send(new ProducerRecord<>(topic, partition, null, value));
  }

  void commitAndAbort(KafkaProducer<String, String> producer) {
    for (int i = 0; i < 20; i++) {
      producer.beginTransaction();
      send(producer, "kept-" + 2 * i, i % 2);
      send(producer, "kept-" + (2 * i + 1), (i + 1) % 2);
      producer.commitTransaction();
      producer.beginTransaction();
      send(producer, "aborted-" + i, i % 2);
      if (i % 2 == 0) producer.flush();
      producer.abortTransaction();
    }
    producer.beginTransaction();
    producer.abortTransaction();  // nothing in it
    producer.beginTransaction();
    producer.commitTransaction();  // nothing in it either
    System.out.println("ended");
  }

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
      }
      boolean listed =
          admin.listTransactions().all().get().stream()
              .anyMatch(one -> one.transactionalId().equals(id));
      if (!listed) throw new IllegalStateException("not listed");
    }
    System.out.println("described");
  }

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
      }
      young.beginTransaction();
      send(young, "aborted by the young", 1);
      young.abortTransaction();
    }
  }

  public static void main(String[] arguments) throws Exception {
    TransactionalProducers program = new TransactionalProducers(arguments[0], arguments[1]);
    try (KafkaProducer<String, String> producer = program.producer()) {
      producer.initTransactions();
      program.commitAndAbort(producer);
      program.describe(producer);
      program.fence(producer);
    }
    System.out.println("done");
  }
}
