#pragma once
// Kafka's error codes, the numbers of the wire, and the project's Errc. One table, both ways.
//
// Invariants:
//  1. Every Errc has a code: an error inside a process shows as the Kafka error that makes a client
//     do the right thing (a lost disk as KAFKA_STORAGE_ERROR, a closing broker as a retriable one).
//  2. kNoError is 0, on which no Errc maps.

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace partita::wire {

inline constexpr int16_t kNoError = 0;

int16_t error_code(Errc code);
template <class T>
int16_t error_code(const Result<T>& result) {
  return result ? kNoError : error_code(result.error().code);
}
/// Nothing for 0; a number that Kafka 4.3 does not know is unknown_server_error.
std::optional<Errc> errc_of(int16_t code);
/// Kafka's name: "NONE", "TOPIC_ALREADY_EXISTS".
std::string_view error_name(int16_t code);
/// Whether Kafka's clients try again on their own.
bool is_retriable(int16_t code);

}  // namespace partita::wire
