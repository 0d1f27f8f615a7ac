#include "cli/log_file.h"

namespace partita::cli {

Task<Result<LogFile>> LogFile::open(Shard& shard, std::string path) {
  CO_TRY(auto file, shard.disk().open(path, OpenMode::read));
  CO_TRY(const uint64_t size, file->size());
  co_return LogFile(shard, std::move(file), size);
}

Task<Result<std::optional<StoredBatch>>> LogFile::batch_at(uint64_t position) {
  if (position > size_ || size_ - position < records::kBatchHeaderBytes) co_return std::nullopt;
  Buffer header(records::kBatchHeaderBytes);
  header.resize(records::kBatchHeaderBytes);
  CO_CHECKED(co_await read_exactly(shard_.executor(), *file_, position, header.span()));
  const auto parsed = records::BatchHeader::parse(header.view());
  if (!parsed || parsed->total_size() > size_ - position) co_return std::nullopt;
  Buffer bytes(parsed->total_size());
  bytes.resize(parsed->total_size());
  CO_CHECKED(co_await read_exactly(shard_.executor(), *file_, position, bytes.span()));
  const auto view = records::BatchView::parse(bytes.view());
  if (!view) co_return std::nullopt;
  co_return StoredBatch{.bytes = std::move(bytes), .view = *view, .position = position};
}

}  // namespace partita::cli
