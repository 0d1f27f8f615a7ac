#include "broker/controller_link.h"

#include <algorithm>

#include "wire/error_code.h"
#include "wire/messages/allocate_producer_ids.h"

namespace partita::broker {
namespace {

/// How long an answer waits for the image, whatever timeout the client gave.
constexpr Duration kImageWaitMax = 30s;
/// Another change of the same configs may hide this one from the image for ever.
constexpr Duration kConfigWaitMax = 5s;

Deadline deadline_for(Shard& shard, int32_t timeout_ms) {
  return shard.now() + std::min(from_ms(std::max(timeout_ms, 0)), kImageWaitMax);
}

const char* words_for(const Error& error) {
  return error.code == Errc::stopped ? "The broker is stopping." : "The controller did not answer.";
}

/// Answers every resource of a request with one error.
int16_t no_answer_code(const Error& error) {
  return wire::error_code(error.code == Errc::stopped ? Errc::not_controller
                                                      : Errc::request_timed_out);
}

bool is_listed(std::string_view list, std::string_view item) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == item) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

using Alterable = wire::IncrementalAlterConfigsRequest::AlterableConfig;
using AlteredResource = wire::IncrementalAlterConfigsRequest::AlterConfigsResource;

bool shows_config(const metadata::Configs& configs, const Alterable& altered) {
  enum { kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3 };
  const auto found = configs.find(altered.name);
  const bool there = found != configs.end();
  const std::string value = altered.value.value_or("");
  switch (altered.config_operation) {
    case kSet: return there && found->second == value;
    case kDelete: return !there;
    case kAppend: return there && is_listed(found->second, value);
    case kSubtract: return !there || !is_listed(found->second, value);
    default: return true;
  }
}

bool shows_configs(const metadata::Image& image, const std::vector<AlteredResource>& resources) {
  return std::ranges::all_of(resources, [&image](const AlteredResource& resource) {
    const metadata::Configs& configs =
        image.configs({static_cast<metadata::ConfigResourceType>(resource.resource_type),
                       resource.resource_name});
    return std::ranges::all_of(resource.configs, [&configs](const auto& altered) {
      return shows_config(configs, altered);
    });
  });
}

}  // namespace

ControllerLink::ControllerLink(Scope& scope, metadata::ControllerChannel& channel,
                               const Settings& settings, NodeId self, Log log)
    : scope_(scope),
      shard_(scope.shard()),
      channel_(channel),
      settings_(settings),
      self_(self),
      log_(log) {}

void ControllerLink::published(std::shared_ptr<const metadata::Image> image) {
  image_ = std::move(image);
  image_waiters_.wake_all();
}

template <class Condition>
Task<void> ControllerLink::wait_for_image(Condition condition, Deadline deadline) {
  while (!condition(*image_)) {
    if (!co_await image_waiters_.wait(scope_, deadline)) co_return;
  }
}

Task<wire::CreateTopicsResponse> ControllerLink::create_topics(wire::CreateTopicsRequest request) {
  const Deadline deadline = deadline_for(shard_, request.timeout_ms);
  const bool validate_only = request.validate_only;
  std::vector<std::string> names;
  for (const auto& topic : request.topics) names.push_back(topic.name);
  auto answered = co_await channel_.create_topics(std::move(request));
  if (!answered) {
    wire::CreateTopicsResponse response;
    for (const std::string& name : names) {
      response.topics.push_back({.name = name,
                                 .error_code = no_answer_code(answered.error()),
                                 .error_message = words_for(answered.error())});
    }
    co_return response;
  }
  if (!validate_only) {
    const auto& topics = answered->topics;
    co_await wait_for_image(
        [&topics](const metadata::Image& image) {
          return std::ranges::all_of(topics, [&](const auto& topic) {
            return topic.error_code != wire::kNoError || image.topic(topic.topic_id) != nullptr;
          });
        },
        deadline);
  }
  co_return *std::move(answered);
}

Task<wire::DeleteTopicsResponse> ControllerLink::delete_topics(wire::DeleteTopicsRequest request) {
  const Deadline deadline = deadline_for(shard_, request.timeout_ms);
  // Versions before 6 name topics; the controller knows one form.
  for (std::string& name : request.topic_names) request.topics.push_back({.name = std::move(name)});
  request.topic_names.clear();
  const auto asked = request.topics;
  auto answered = co_await channel_.delete_topics(std::move(request));
  if (!answered) {
    wire::DeleteTopicsResponse response;
    for (const auto& topic : asked) {
      response.responses.push_back({.name = topic.name,
                                    .topic_id = topic.topic_id,
                                    .error_code = no_answer_code(answered.error()),
                                    .error_message = words_for(answered.error())});
    }
    co_return response;
  }
  const auto& deleted = answered->responses;
  co_await wait_for_image(
      [&deleted](const metadata::Image& image) {
        return std::ranges::all_of(deleted, [&](const auto& topic) {
          return topic.error_code != wire::kNoError || image.topic(topic.topic_id) == nullptr;
        });
      },
      deadline);
  co_return *std::move(answered);
}

Task<wire::CreatePartitionsResponse> ControllerLink::create_partitions(
    wire::CreatePartitionsRequest request) {
  const Deadline deadline = deadline_for(shard_, request.timeout_ms);
  const bool validate_only = request.validate_only;
  std::map<std::string, int32_t> counts;
  for (const auto& topic : request.topics) counts[topic.name] = topic.count;
  auto answered = co_await channel_.create_partitions(std::move(request));
  if (!answered) {
    wire::CreatePartitionsResponse response;
    for (const auto& [name, count] : counts) {
      response.results.push_back({.name = name,
                                  .error_code = no_answer_code(answered.error()),
                                  .error_message = words_for(answered.error())});
    }
    co_return response;
  }
  if (validate_only) co_return *std::move(answered);
  for (const auto& result : answered->results) {
    if (result.error_code != wire::kNoError) counts.erase(result.name);
  }
  co_await wait_for_image(
      [&counts](const metadata::Image& image) {
        return std::ranges::all_of(counts, [&](const auto& wanted) {
          const auto topic = image.topic(wanted.first);
          return topic == nullptr || topic->partitions.size() >= static_cast<size_t>(wanted.second);
        });
      },
      deadline);
  co_return *std::move(answered);
}

Task<wire::IncrementalAlterConfigsResponse> ControllerLink::incremental_alter_configs(
    wire::IncrementalAlterConfigsRequest request) {
  const bool validate_only = request.validate_only;
  const auto asked = request.resources;
  auto answered = co_await channel_.incremental_alter_configs(std::move(request));
  if (!answered) {
    wire::IncrementalAlterConfigsResponse response;
    for (const auto& resource : asked) {
      response.responses.push_back({.error_code = no_answer_code(answered.error()),
                                    .error_message = words_for(answered.error()),
                                    .resource_type = resource.resource_type,
                                    .resource_name = resource.resource_name});
    }
    co_return response;
  }
  const bool changed =
      !validate_only && std::ranges::any_of(answered->responses, [](const auto& r) {
        return r.error_code == wire::kNoError;
      });
  if (changed) {
    co_await wait_for_image(
        [&asked](const metadata::Image& image) { return shows_configs(image, asked); },
        shard_.now() + kConfigWaitMax);
  }
  co_return *std::move(answered);
}

Task<bool> ControllerLink::auto_create(std::vector<std::string> names, Deadline deadline) {
  wire::CreateTopicsRequest request;
  request.timeout_ms = static_cast<int32_t>(
      std::clamp<int64_t>(to_ms(deadline - shard_.now()), 0, to_ms(kImageWaitMax)));
  for (std::string& name : names) {
    request.topics.push_back(
        {.name = std::move(name), .num_partitions = -1, .replication_factor = -1});
  }
  const auto response = co_await create_topics(std::move(request));
  bool all = true;
  for (const auto& topic : response.topics) {
    const auto error = wire::errc_of(topic.error_code);
    if (!error || *error == Errc::topic_already_exists) continue;
    all = false;
    log_.warn("cannot create topic {}: {}", quoted(topic.name),
              topic.error_message.value_or(std::string(wire::error_name(topic.error_code))));
  }
  // One that somebody else makes just now may not be in the image yet.
  co_return all;
}

Task<Result<ProducerId>> ControllerLink::next_producer_id() {
  while (producer_ids_left_ == 0) {
    if (fetching_producer_ids_) {
      CO_CHECKED(co_await producer_id_waiters_.wait(scope_));
      continue;
    }
    fetching_producer_ids_ = true;
    const Result<> fetched = co_await fetch_producer_ids();
    fetching_producer_ids_ = false;
    producer_id_waiters_.wake_all();
    CO_CHECKED(fetched);
  }
  producer_ids_left_--;
  const ProducerId id = next_producer_id_;
  next_producer_id_ = ProducerId(id.value() + 1);
  co_return id;
}

Task<Result<>> ControllerLink::fetch_producer_ids() {
  wire::AllocateProducerIdsRequest request;
  request.broker_id = self_.value();
  request.broker_epoch = broker_epoch_.value();
  CO_TRY(const auto answer, co_await channel_.allocate_producer_ids(std::move(request)));
  if (const auto error = wire::errc_of(answer.error_code)) co_return fail(*error);
  next_producer_id_ = ProducerId(answer.producer_id_start);
  producer_ids_left_ = answer.producer_id_len;
  co_return Result<>();
}

}  // namespace partita::broker
