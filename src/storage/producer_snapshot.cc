#include "storage/producer_snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/crc32c.h"

namespace partita::storage {
namespace {

constexpr int16_t kVersion = 1;
constexpr size_t kCrcAt = 2;
constexpr size_t kCrcEnd = 6;
constexpr size_t kHeadBytes = 10;  // version, crc, count
constexpr size_t kEntryBytes = 46;
constexpr size_t kOffsetDigits = 20;

void put_entry(uint8_t* to, const ProducerSnapshotEntry& entry) {
  store_be(to, entry.producer_id.value());
  store_be(to + 8, entry.producer_epoch.value());
  store_be(to + 10, entry.last_sequence);
  store_be(to + 14, entry.last_offset.value());
  store_be(to + 22, entry.offset_delta);
  store_be(to + 26, entry.timestamp.ms());
  store_be(to + 34, entry.coordinator_epoch);
  store_be(to + 38, entry.current_txn_first_offset.value());
}

ProducerSnapshotEntry get_entry(const uint8_t* from) {
  return {.producer_id = ProducerId(load_be<int64_t>(from)),
          .producer_epoch = ProducerEpoch(load_be<int16_t>(from + 8)),
          .last_sequence = load_be<int32_t>(from + 10),
          .last_offset = Offset(load_be<int64_t>(from + 14)),
          .offset_delta = load_be<int32_t>(from + 22),
          .timestamp = WallTime(load_be<int64_t>(from + 26)),
          .coordinator_epoch = load_be<int32_t>(from + 34),
          .current_txn_first_offset = Offset(load_be<int64_t>(from + 38))};
}

}  // namespace

Bytes encode_producer_snapshot(std::span<const ProducerSnapshotEntry> entries) {
  Buffer out(kHeadBytes + entries.size() * kEntryBytes);
  out.resize(out.capacity());
  store_be(out.data(), kVersion);
  store_be(out.data() + kCrcEnd, static_cast<int32_t>(entries.size()));
  uint8_t* to = out.data() + kHeadBytes;
  for (const auto& entry : entries) {
    put_entry(to, entry);
    to += kEntryBytes;
  }
  store_be(out.data() + kCrcAt, crc32c(out.view().subspan(kCrcEnd)));
  return std::move(out).freeze();
}

Result<std::vector<ProducerSnapshotEntry>> decode_producer_snapshot(ByteView bytes) {
  if (bytes.size() < kHeadBytes) {
    return fail(Errc::corrupt_data, "the producer snapshot is too short");
  }
  const auto version = load_be<int16_t>(bytes.data());
  if (version != kVersion) {
    return fail(Errc::corrupt_data, fmt::format("unknown producer snapshot version {}", version));
  }
  if (load_be<uint32_t>(bytes.data() + kCrcAt) != crc32c(bytes.subspan(kCrcEnd))) {
    return fail(Errc::corrupt_data, "the producer snapshot does not match its checksum");
  }
  const auto count = load_be<int32_t>(bytes.data() + kCrcEnd);
  const size_t body = bytes.size() - kHeadBytes;
  if (count < 0 || body % kEntryBytes != 0 || static_cast<size_t>(count) != body / kEntryBytes) {
    return fail(Errc::corrupt_data, "the producer snapshot's count does not match its size");
  }
  std::vector<ProducerSnapshotEntry> entries;
  entries.reserve(static_cast<size_t>(count));
  for (size_t at = kHeadBytes; at < bytes.size(); at += kEntryBytes) {
    entries.push_back(get_entry(bytes.data() + at));
  }
  return entries;
}

std::string producer_snapshot_name(Offset offset) {
  return fmt::format("{:020}{}", offset.value(), kProducerSnapshotSuffix);
}

std::optional<Offset> parse_producer_snapshot_name(std::string_view name) {
  if (name.size() != kOffsetDigits + kProducerSnapshotSuffix.size()) return std::nullopt;
  if (!name.ends_with(kProducerSnapshotSuffix) || name.front() == '-') return std::nullopt;
  int64_t value = 0;
  const char* end_of_digits = name.data() + kOffsetDigits;
  const auto [end, error] = std::from_chars(name.data(), end_of_digits, value);
  if (error != std::errc() || end != end_of_digits) return std::nullopt;
  return Offset(value);
}

}  // namespace partita::storage
