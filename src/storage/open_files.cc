#include "storage/open_files.h"

#include "base/check.h"

namespace partita::storage {

/// Lives while the file is open. `owner` is null once the LogFile let go: then it ends with the
/// last pin.
struct FilePin::Open {
  OpenFiles& files;
  LogFile* owner;
  std::unique_ptr<File> file;
  uint32_t pins = 0;
  boost::intrusive::list_member_hook<> link = {};
};

struct OpenFiles::Idle {
  boost::intrusive::list<
      FilePin::Open, boost::intrusive::member_hook<
                         FilePin::Open, boost::intrusive::list_member_hook<>, &FilePin::Open::link>>
      list;
};

File& FilePin::operator*() const {
  CHECK(open_ != nullptr);
  return *open_->file;
}

void FilePin::release() {
  if (open_ == nullptr) return;
  Open& open = *std::exchange(open_, nullptr);
  open.files.unpin(open);
}

Result<FilePin> LogFile::pin(OpenMode mode) {
  return files_.open(*this, mode);
}

void LogFile::forget() {
  if (open_ == nullptr) return;
  FilePin::Open& open = *std::exchange(open_, nullptr);
  open.owner = nullptr;
  if (open.pins == 0) files_.close(open);
}

OpenFiles::OpenFiles(Disk& disk, size_t files_max)
    : disk_(disk), files_max_(files_max), idle_(std::make_unique<Idle>()) {}

OpenFiles::~OpenFiles() {
  CHECK(open_count_ == 0);
}

Result<FilePin> OpenFiles::open(LogFile& file, OpenMode mode) {
  if (file.open_ == nullptr) {
    make_room();
    TRY(auto opened, disk_.open(file.path(), mode));
    file.open_ = new FilePin::Open{*this, &file, std::move(opened)};
    ++open_count_;
    ++opens_;
  } else if (file.open_->pins == 0) {
    idle_->list.erase(idle_->list.iterator_to(*file.open_));
  }
  ++file.open_->pins;
  return FilePin(file.open_);
}

void OpenFiles::unpin(FilePin::Open& open) {
  CHECK(open.pins > 0);
  if (--open.pins > 0) return;
  if (open.owner == nullptr) {
    delete &open;
    --open_count_;
    return;
  }
  idle_->list.push_back(open);
  if (open_count_ > files_max_) make_room();
}

void OpenFiles::close(FilePin::Open& open) {
  CHECK(open.pins == 0);
  idle_->list.erase(idle_->list.iterator_to(open));
  delete &open;
  --open_count_;
}

void OpenFiles::make_room() {
  while (open_count_ >= files_max_ && !idle_->list.empty()) {
    FilePin::Open& oldest = idle_->list.front();
    oldest.owner->open_ = nullptr;
    close(oldest);
  }
}

}  // namespace partita::storage
