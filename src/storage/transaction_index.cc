#include "storage/transaction_index.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"
#include "storage/index_entries.h"

namespace partita::storage {
namespace {

constexpr int16_t kVersion = 0;
constexpr size_t kBlockEntries = 256;  // that one read takes

std::unexpected<Error> corrupt(std::string what) {
  return fail(Errc::corrupt_data, "the transaction index " + std::move(what));
}

bool is_for_want_of_room(const Error& error) {
  return error.code == Errc::no_space || error.code == Errc::limit_exceeded;
}

/// Whether a search that ends below `upper_bound` has found everything: no transaction that is
/// aborted later can have begun below it.
bool ends_search(const AbortedTxn& txn, Offset upper_bound) {
  return txn.last_stable_offset >= upper_bound;
}

void add_if_within(const AbortedTxn& txn, Offset from, Offset upper_bound,
                   std::vector<AbortedTxn>& found) {
  const bool ends_behind =
      mutant("storage.aborted_list_off_by_one") ? txn.last_offset > from : txn.last_offset >= from;
  if (ends_behind && txn.first_offset < upper_bound) found.push_back(txn);
}

}  // namespace

std::array<uint8_t, kTxnIndexEntryBytes> encode_aborted_txn(const AbortedTxn& txn) {
  std::array<uint8_t, kTxnIndexEntryBytes> bytes;
  store_be(bytes.data(), kVersion);
  store_be(bytes.data() + 2, txn.producer_id.value());
  store_be(bytes.data() + 10, txn.first_offset.value());
  store_be(bytes.data() + 18, txn.last_offset.value());
  store_be(bytes.data() + 26, txn.last_stable_offset.value());
  return bytes;
}

Result<AbortedTxn> decode_aborted_txn(ByteView bytes) {
  CHECK(bytes.size() == kTxnIndexEntryBytes);
  const auto version = load_be<int16_t>(bytes.data());
  if (version != kVersion) return corrupt(fmt::format("has an entry of version {}", version));
  const AbortedTxn txn{.producer_id = ProducerId(load_be<int64_t>(bytes.data() + 2)),
                       .first_offset = Offset(load_be<int64_t>(bytes.data() + 10)),
                       .last_offset = Offset(load_be<int64_t>(bytes.data() + 18)),
                       .last_stable_offset = Offset(load_be<int64_t>(bytes.data() + 26))};
  // The marker's successor is the highest that the last stable offset can be.
  const bool in_order = txn.first_offset >= Offset(0) && txn.first_offset < txn.last_offset &&
                        txn.last_stable_offset >= Offset(0) &&
                        txn.last_stable_offset - OffsetDelta(1) <= txn.last_offset;
  if (txn.producer_id.value() < 0 || !in_order) {
    return corrupt(fmt::format("has an impossible entry of producer {}", txn.producer_id.value()));
  }
  return txn;
}

TransactionIndex::TransactionIndex(OpenFiles& files, std::string path, Offset base)
    : base_(base), file_(files, std::move(path)) {}

Task<Result<>> TransactionIndex::open(Executor& executor, Offset end) {
  CO_TRY(FilePin file, file_.pin());
  CO_TRY(const uint64_t size, file->size());
  if (size % kTxnIndexEntryBytes != 0) co_return corrupt("ends inside an entry");
  Offset last = kNoOffset;
  Buffer block;
  for (uint64_t at = 0; at < size; at += block.size()) {
    block.resize(std::min<uint64_t>(size - at, kBlockEntries * kTxnIndexEntryBytes));
    CO_CHECKED(co_await read_exactly(executor, *file, at, block.span()));
    for (size_t i = 0; i < block.size(); i += kTxnIndexEntryBytes) {
      CO_TRY(const AbortedTxn txn,
             decode_aborted_txn(block.view().subspan(i, kTxnIndexEntryBytes)));
      if (txn.last_offset < base_ || txn.last_offset >= end) {
        co_return corrupt("speaks of another segment");
      }
      if (txn.last_offset <= last) co_return corrupt("does not increase");
      last = txn.last_offset;
    }
  }
  written_count_ = size / kTxnIndexEntryBytes;
  last_offset_ = last;
  unwritten_.clear();
  co_return Result<>();
}

Result<> TransactionIndex::append(const AbortedTxn& txn) {
  CHECK(txn.last_offset > last_offset_);
  CHECK(txn.last_offset >= base_);
  last_offset_ = txn.last_offset;
  unwritten_.push_back(txn);
  const Result<> written = write_out();
  if (written || !is_for_want_of_room(written.error())) return written;
  COVERED("storage.aborted_txn_kept_in_memory");
  return {};
}

Result<> TransactionIndex::write_out() {
  if (unwritten_.empty()) return {};
  TRY(FilePin file, file_.pin(OpenMode::create_or_open));
  Buffer bytes(unwritten_.size() * kTxnIndexEntryBytes);
  for (const AbortedTxn& txn : unwritten_) bytes.append(encode_aborted_txn(txn));
  const uint64_t end = written_count_ * kTxnIndexEntryBytes;
  const Result<> written = file->write(end, bytes.view());
  if (!written) {
    // A part may have been written, which must not be taken for an entry.
    CHECKED(file->truncate(end));
    return written;
  }
  written_count_ += unwritten_.size();
  unwritten_.clear();
  return {};
}

Task<Result<>> TransactionIndex::truncate_to(Executor& executor, Offset offset) {
  if (last_offset_ < offset) co_return Result<>();
  std::erase_if(unwritten_, [&](const AbortedTxn& txn) { return txn.last_offset >= offset; });
  CO_TRY(FilePin file, file_.pin(OpenMode::create_or_open));
  CO_TRY(const uint64_t kept, co_await count_below(executor, *file, offset));
  if (!mutant("storage.txn_index_not_truncated")) {
    CO_CHECKED(file->truncate(kept * kTxnIndexEntryBytes));
    written_count_ = kept;
  }
  last_offset_ = kNoOffset;
  if (written_count_ > 0) {
    CO_TRY(const AbortedTxn last, co_await read_entry(executor, *file, written_count_ - 1));
    last_offset_ = last.last_offset;
  }
  if (!unwritten_.empty()) last_offset_ = unwritten_.back().last_offset;
  co_return Result<>();
}

Task<Result<AbortedTxn>> TransactionIndex::read_entry(Executor& executor, File& file,
                                                      uint64_t index) {
  std::array<uint8_t, kTxnIndexEntryBytes> bytes;
  CO_CHECKED(co_await read_exactly(executor, file, index * kTxnIndexEntryBytes, bytes));
  co_return decode_aborted_txn(bytes);
}

Task<Result<uint64_t>> TransactionIndex::count_below(Executor& executor, File& file,
                                                     Offset offset) {
  uint64_t low = 0;
  uint64_t high = written_count_;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    CO_TRY(const AbortedTxn txn, co_await read_entry(executor, file, middle));
    if (txn.last_offset < offset) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  co_return low;
}

Task<Result<bool>> TransactionIndex::collect(Executor& executor, Offset from, Offset upper_bound,
                                             std::vector<AbortedTxn>& found) {
  // What ends below `from` ends no search either: the log was stable up to its marker at most.
  if (last_offset_ < from) co_return false;
  const std::vector<AbortedTxn> in_memory = unwritten_;
  const uint64_t count = written_count_;
  if (count > 0) {
    CO_TRY(FilePin file, file_.pin());
    CO_TRY(uint64_t at, co_await count_below(executor, *file, from));
    Buffer block;
    while (at < count) {
      block.resize(std::min<uint64_t>(count - at, kBlockEntries) * kTxnIndexEntryBytes);
      CO_CHECKED(co_await read_exactly(executor, *file, at * kTxnIndexEntryBytes, block.span()));
      for (size_t i = 0; i < block.size(); i += kTxnIndexEntryBytes) {
        CO_TRY(const AbortedTxn txn,
               decode_aborted_txn(block.view().subspan(i, kTxnIndexEntryBytes)));
        add_if_within(txn, from, upper_bound, found);
        if (ends_search(txn, upper_bound)) co_return true;
      }
      at += block.size() / kTxnIndexEntryBytes;
    }
  }
  for (const AbortedTxn& txn : in_memory) {
    add_if_within(txn, from, upper_bound, found);
    if (ends_search(txn, upper_bound)) co_return true;
  }
  co_return false;
}

}  // namespace partita::storage
