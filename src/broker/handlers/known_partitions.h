#pragma once
// OffsetCommit, TxnOffsetCommit and OffsetDelete: a request over partitions, of which the
// coordinator is asked for those that the image knows.
//
// Invariants:
//  1. The answer has every partition of the request once, in the request's order.
//  2. What goes to the coordinator has names and, where the message has them, ids of topics.

#include <utility>
#include <vector>

#include "base/check.h"
#include "metadata/image.h"
#include "wire/error_code.h"

namespace partita::broker {

template <class Request, class Response>
class KnownPartitions {
 public:
  /// Version 10 of OffsetCommit names topics by id, everything else by name.
  enum class Topics { by_name, by_id };

  KnownPartitions(Request request, const metadata::Image& image, Topics topics)
      : known_(std::move(request)) {
    auto asked = std::exchange(known_.topics, {});
    for (auto& topic : asked) {
      const auto found = find(image, topic, topics);
      start_answer(topic);
      auto partitions = std::exchange(topic.partitions, {});
      for (auto& partition : partitions) {
        const PartitionIndex index(partition.partition_index);
        auto& answer = response_.topics.back().partitions.emplace_back();
        answer.partition_index = partition.partition_index;
        if (found == nullptr) {
          answer.error_code = wire::error_code(
              topics == Topics::by_id ? Errc::unknown_topic_id : Errc::unknown_topic_or_partition);
        } else if (found->partition(index) == nullptr) {
          answer.error_code = wire::error_code(Errc::unknown_topic_or_partition);
        } else {
          places_.push_back(
              {response_.topics.size() - 1, response_.topics.back().partitions.size() - 1});
          topic.partitions.push_back(std::move(partition));
        }
      }
      if (!topic.partitions.empty()) known_.topics.push_back(std::move(topic));
    }
  }

  const Request& known() const { return known_; }
  bool none_known() const { return places_.empty(); }

  /// What the coordinator said of known(). REQUIRED: all of it, in its order.
  void answer(const Response& said) {
    size_t next = 0;
    for (const auto& topic : said.topics) {
      for (const auto& partition : topic.partitions) {
        CHECK(next < places_.size());
        answer_at(places_[next++], partition.error_code);
      }
    }
    CHECK(next == places_.size());
  }
  void refuse(Errc code) {
    for (const auto& place : places_) answer_at(place, wire::error_code(code));
  }

  Response& response() { return response_; }

 private:
  using Place = std::pair<size_t, size_t>;  ///< topic and partition in response_

  template <class Topic>
  static std::shared_ptr<const metadata::TopicImage> find(const metadata::Image& image,
                                                          Topic& topic, Topics topics) {
    if constexpr (requires { topic.topic_id; }) {
      const auto found =
          topics == Topics::by_id ? image.topic(topic.topic_id) : image.topic(topic.name);
      if (found == nullptr) return nullptr;
      topic.topic_id = found->id;
      topic.name = found->name;
      return found;
    } else {
      return image.topic(topic.name);
    }
  }

  template <class Topic>
  void start_answer(const Topic& topic) {
    auto& out = response_.topics.emplace_back();
    out.name = topic.name;
    if constexpr (requires { topic.topic_id; }) out.topic_id = topic.topic_id;
  }

  void answer_at(const Place& place, int16_t error_code) {
    response_.topics[place.first].partitions[place.second].error_code = error_code;
  }

  Request known_;
  Response response_;
  std::vector<Place> places_;
};

}  // namespace partita::broker
