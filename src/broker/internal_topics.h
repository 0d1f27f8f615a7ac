#pragma once
// The topics that coordinators keep their state in: how they are made when first needed. A client
// never makes them by naming them.

#include <string>
#include <string_view>

#include "base/ids.h"
#include "broker/settings.h"
#include "metadata/image.h"
#include "wire/messages/create_topics.h"

namespace partita::broker {

inline constexpr std::string_view kOffsetsTopic = "__consumer_offsets";
inline constexpr std::string_view kTransactionsTopic = "__transaction_state";

/// The request that makes it, with the settings' partitions and configs. Kafka refuses to make it
/// while fewer brokers are alive than its replicas; here it gets as many as there are, so that one
/// node serves groups at once.
wire::CreateTopicsRequest internal_topic_request(std::string_view topic, const Settings& settings,
                                                 size_t brokers_alive);

/// How many partitions it gets when it is made.
int32_t internal_topic_partitions(std::string_view topic, const Settings& settings);

size_t brokers_alive(const metadata::Image& image);

}  // namespace partita::broker
