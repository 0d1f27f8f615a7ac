// Members of a group by the Java client, one thread each; ../programs/members.py says how.
//
//   java -cp ... GroupMember ADDRESS TOPIC GROUP PROTOCOL NAME...
//
// PROTOCOL: classic, cooperative or consumer.

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.StringDeserializer;

public class GroupMember implements Runnable {
  private static volatile boolean stopping;

  private final String[] args;
  private final String name;

  GroupMember(String[] args, String name) {
    this.args = args;
    this.name = name;
  }

  private Properties settings() {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("group.id", args[2]);
    settings.put("client.id", name);
    settings.put("key.deserializer", StringDeserializer.class);
    settings.put("value.deserializer", StringDeserializer.class);
    settings.put("auto.offset.reset", "earliest");
    settings.put("enable.auto.commit", false);
    settings.put("max.poll.records", 100);
    if (args[3].equals("consumer")) {
      settings.put("group.protocol", "consumer");
      return settings;
    }
    settings.put("session.timeout.ms", 6000);
    settings.put("heartbeat.interval.ms", 500);
    if (args[3].equals("cooperative")) {
      settings.put("partition.assignment.strategy", CooperativeStickyAssignor.class.getName());
    }
    return settings;
  }

  private static synchronized void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  private void read(KafkaConsumer<String, String> consumer) {
    ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
    for (ConsumerRecord<String, String> record : records) {
      say("read " + name + " " + record.partition() + " " + record.offset() + " "
          + record.value());
    }
    if (records.isEmpty()) return;
    try {
      consumer.commitSync();
    } catch (KafkaException error) {
      say("uncommitted " + name + " " + error);
    }
  }

  @Override
  public void run() {
    String before = null;
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings())) {
      consumer.subscribe(List.of(args[1]));
      while (!stopping) {
        read(consumer);
        String owned = consumer.assignment().stream().map(where -> " " + where.partition())
            .sorted().collect(Collectors.joining());
        if (!owned.equals(before)) say("owns " + name + owned);
        before = owned;
      }
    }
    say("closed " + name);
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    List<Thread> members = new ArrayList<>();
    for (String name : Arrays.asList(args).subList(4, args.length)) {
      members.add(new Thread(new GroupMember(args, name)));
    }
    for (Thread member : members) member.start();
    while (System.in.read() >= 0) {
      // Only the end of the input is of interest.
    }
    stopping = true;
    for (Thread member : members) member.join();
  }
}
