#pragma once
// One open file of LinuxDisk.

#include <memory>
#include <string>

#include "runtime/disk.h"
#include "runtime/linux/descriptor.h"
#include "runtime/linux/helper_pool.h"

namespace partita {

class LinuxFile final : public File {
 public:
  LinuxFile(Executor& executor, HelperPool& helpers, std::shared_ptr<Descriptor> descriptor,
            std::string path)
      : executor_(executor),
        helpers_(helpers),
        descriptor_(std::move(descriptor)),
        path_(std::move(path)) {}

  using File::write;
  Result<uint64_t> size() override;
  Result<> write(uint64_t position, std::span<const ByteView> parts) override;
  Result<size_t> read_resident(uint64_t position, ByteSpan into) override;
  void start_read(uint64_t position, ByteSpan into, Completion<Result<size_t>>& done) override;
  void start_sync(Completion<Result<>>& done) override;
  Result<> truncate(uint64_t size) override;
  void start_writeback(uint64_t position, uint64_t count) override;

 private:
  int fd() const { return descriptor_->get(); }

  Executor& executor_;
  HelperPool& helpers_;
  const std::shared_ptr<Descriptor> descriptor_;
  const std::string path_;
};

}  // namespace partita
