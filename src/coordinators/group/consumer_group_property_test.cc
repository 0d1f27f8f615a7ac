// Many clients of one consumer group, each with a belief of its own: they join, leave, lose
// answers, fall silent, change what they read; topics grow and go; coordinators fail over. After
// every event one member at most holds a partition, by the log and by what live clients believe;
// when the events stop, everybody owns its share.
#include <random>

#include "base/fault_points.h"
#include "coordinators/group/consumer_room_test.h"

namespace partita::coordinators {
namespace {

struct Client {
  std::string id;
  bool classic = false;
  bool running = false;
  int32_t epoch = 0;
  std::vector<std::string> topics;
  std::string pattern;
  PartitionSet owned;                ///< what it believes to be its own
  std::optional<PartitionSet> told;  ///< what it must get to; it takes its time
  bool say_all = true;               ///< the next request says everything: after errors
  bool must_sync = false;
};

class Crowd {
 public:
  explicit Crowd(uint32_t seed) : random_(seed) {
    room_.topic("t0", 3);
    room_.topic("t1", 5);
    for (int i = 0; i < 8; ++i) {
      Client client;
      client.id = "m" + std::to_string(i);
      client.classic = i % 4 == 3;
      clients_.push_back(std::move(client));
    }
  }

  void step() {
    switch (draw(20)) {
      case 0: change_topics(); break;
      case 1: room_.pass(from_ms(1000 * draw(20))); break;
      case 2: room_.fail_over(); break;
      case 3: leave(any()); break;
      case 4: resubscribe(any()); break;
      case 5: any().running = false; break;  // falls silent, believing what it believes
      default: act(any(), draw(8) == 0);
    }
    check_beliefs();
  }

  /// Everybody who runs goes on until nothing changes; who fell silent is timed out.
  void converge() {
    for (int round = 0; round < 40; ++round) {
      for (Client& client : clients_) {
        if (client.running) act(client, false);
      }
      room_.pass(5s);
      check_beliefs();
    }
    room_.expect_replay_equals_live();
    if (room_.group->has_members()) EXPECT_EQ(room_.group->state_name(), "Stable");
    size_t owned = 0;
    std::set<TopicId> read;
    for (const Client& client : clients_) {
      if (!client.running) continue;
      EXPECT_TRUE(room_.group->members().contains(client.id)) << client.id;
      owned += partition_count(client.owned);
      for (const std::string& topic : reads(client)) {
        if (const auto known = room_.cluster.image()->topic(topic)) read.insert(known->id);
      }
    }
    size_t expected = 0;
    for (const TopicId& topic : read) {
      expected += room_.cluster.image()->topic(topic)->partitions.size();
    }
    EXPECT_EQ(owned, expected) << "a partition without an owner";
  }

  ConsumerRoom& room() { return room_; }

 private:
  int draw(int below) { return static_cast<int>(random_() % static_cast<uint32_t>(below)); }
  Client& any() { return clients_[static_cast<size_t>(draw(static_cast<int>(clients_.size())))]; }

  std::set<std::string> reads(const Client& client) const {
    std::set<std::string> names(client.topics.begin(), client.topics.end());
    if (client.pattern.empty() || client.classic) return names;
    room_.cluster.image()->for_each_topic([&](const auto& topic) { names.insert(topic->name); });
    return names;
  }

  void change_topics() {
    const std::string name = "t" + std::to_string(draw(4));
    if (draw(5) == 0) {
      room_.cluster.remove(name);
    } else {
      const auto known = room_.cluster.image()->topic(name);
      const auto count = known ? static_cast<int32_t>(known->partitions.size()) : 0;
      room_.cluster.topic(name, std::min(count + 1 + draw(2), 12));
    }
    room_.show_image();
  }

  void choose_topics(Client& client) {
    client.topics.clear();
    client.pattern.clear();
    if (!client.classic && draw(4) == 0) {
      client.pattern = "t.*";
    } else {
      for (int i = 0; i < 4; ++i) {
        if (draw(2) == 0) client.topics.push_back("t" + std::to_string(i));
      }
    }
  }

  void resubscribe(Client& client) {
    if (!client.running) return;
    choose_topics(client);
    client.say_all = true;
    act(client, false);
  }

  void leave(Client& client) {
    if (!client.running) return;
    if (client.classic) {
      (void)room_.classic_leave(client.id);
    } else {
      (void)room_.leave(client.id);
    }
    stop(client);
  }

  void stop(Client& client) {
    const bool classic = client.classic;
    client = {.id = client.id, .classic = classic};
  }

  /// It is no member any more: it gives everything up and begins anew.
  void begin_anew(Client& client) {
    client.owned.clear();
    client.told.reset();
    client.epoch = 0;
    client.say_all = true;
    client.must_sync = false;
  }

  void act(Client& client, bool lose_answer) {
    if (!client.running) {
      stop(client);
      client.running = true;
      choose_topics(client);
    }
    if (client.classic) {
      act_classic(client, lose_answer);
    } else {
      act_consumer(client, lose_answer);
    }
  }

  /// What it was told to get to: it gives up first, and takes with its next step.
  void reconcile(Client& client) {
    if (!client.told) return;
    PartitionSet kept;
    for_each_partition(client.owned, [&](const TopicId& topic, int32_t partition) {
      if (holds(*client.told, topic, partition)) kept[topic].insert(partition);
    });
    client.owned = draw(2) == 0 ? kept : *client.told;
    if (client.owned == *client.told) client.told.reset();
  }

  void act_consumer(Client& client, bool lose_answer) {
    if (draw(3) != 0) reconcile(client);
    Beat request{.member_id = client.id, .member_epoch = client.epoch};
    if (client.epoch == 0) begin_anew(client);
    if (client.say_all) {
      request.rebalance_timeout_ms = 30'000;
      request.subscribed_topic_names = client.topics;
      request.subscribed_topic_regex = client.pattern;
    }
    if (client.say_all || draw(2) == 0) {
      request.topic_partitions = ConsumerRoom::wire_of(client.owned);
    }
    const auto answer = room_.beat(std::move(request));
    if (lose_answer) {
      client.say_all = true;
      return;
    }
    if (!answer) return begin_anew(client);
    client.say_all = false;
    client.epoch = answer->member_epoch;
    if (answer->assignment) client.told = partitions_of(*answer);
  }

  void act_classic(Client& client, bool lose_answer) {
    if (client.must_sync) {
      const auto synced = room_.classic_sync(client.id, client.epoch);
      if (lose_answer) return;
      client.must_sync = false;
      if (!synced) {
        if (synced.error().code != Errc::rebalance_in_progress) begin_anew(client);
        client.say_all = true;
        return;
      }
      client.owned = room_.parse(synced->assignment);
      return;
    }
    if (client.epoch > 0 && !client.say_all) {
      const auto beat = room_.classic_beat(client.id, client.epoch);
      if (lose_answer || beat) return;
      if (beat.error().code != Errc::rebalance_in_progress) begin_anew(client);
      client.say_all = true;
      return;
    }
    // Half of them are eager: they give everything up before they join.
    if (client.id == "m3") client.owned.clear();
    drop_unknown(client.owned);
    const auto joined = room_.classic_join(client.id, client.topics, client.owned);
    if (lose_answer) return;
    if (!joined) return begin_anew(client);
    client.epoch = joined->generation_id;
    client.say_all = false;
    client.must_sync = true;
  }

  void drop_unknown(PartitionSet& owned) const {
    std::erase_if(owned, [&](const auto& entry) {
      return room_.cluster.image()->topic(entry.first) == nullptr;
    });
  }

  /// Of clients that the group still knows in the epoch that they believe in.
  void check_beliefs() {
    std::map<std::pair<TopicId, int32_t>, std::string> owners;
    for (const Client& client : clients_) {
      const auto member = room_.group->members().find(client.id);
      if (client.epoch == 0 || member == room_.group->members().end()) continue;
      if (client.classic != member->second.uses_classic()) continue;
      for_each_partition(client.owned, [&](const TopicId& topic, int32_t partition) {
        // Fenced meanwhile and back under the same id, it would not know.
        if (!holds(member->second.has.assigned, topic, partition) &&
            !holds(member->second.has.revoking, topic, partition)) {
          return;
        }
        EXPECT_TRUE(owners.emplace(std::pair(topic, partition), client.id).second);
      });
    }
  }

  std::mt19937 random_;
  ConsumerRoom room_;
  std::vector<Client> clients_;
};

TEST(ConsumerGroupProperties, OneOwnerAlwaysAndEverythingOwnedInTheEnd) {
  for (uint32_t seed = 1; seed <= 16; ++seed) {
    SCOPED_TRACE(seed);
    Crowd crowd(seed);
    for (int step = 0; step < 200; ++step) crowd.step();
    crowd.converge();
    if (::testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace partita::coordinators
