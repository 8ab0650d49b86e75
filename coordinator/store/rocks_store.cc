// The store on disk: see store.h.
//
// After a failed write RocksDB refuses all further ones until it is told to resume, or (when it thinks worse of the
// failure) until it is opened again. Both happen at the next Commit, so that whoever retries needs to know nothing of it.
#include <sys/statvfs.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <utility>

#include "coordinator/store/store.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/iterator.h"
#include "rocksdb/options.h"
#include "rocksdb/table.h"
#include "rocksdb/write_batch.h"

namespace breakwater::store {
namespace {

constexpr size_t kWriteBuffer = size_t{8} << 20;
constexpr uint64_t kMaxWal = uint64_t{32} << 20;
constexpr size_t kBlockCache = size_t{16} << 20;
constexpr size_t kOwnLog = size_t{1} << 20;
// Opening writes a manifest and a log of its own; with less than this it would close what can still be read.
constexpr uint64_t kSpaceToReopen = uint64_t{4} << 20;

rocksdb::Options StoreOptions() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.write_buffer_size = kWriteBuffer;
  options.max_write_buffer_number = 2;
  options.max_total_wal_size = kMaxWal;
  options.target_file_size_base = kWriteBuffer;
  options.max_background_jobs = 2;
  options.max_open_files = 256;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.max_log_file_size = kOwnLog;
  options.keep_log_file_num = 2;
  options.max_manifest_file_size = kOwnLog;
  // Files are small; asking for 4 MiB ahead of each would fill a small disk with nothing.
  options.manifest_preallocation_size = 64 << 10;
  options.allow_fallocate = false;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kBlockCache);
  table.cache_index_and_filter_blocks = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// Bytes that an ordinary process may still write there; 0 when that can't be told.
uint64_t FreeSpace(const std::string& directory) {
  struct statvfs info {};
  if (statvfs(directory.c_str(), &info) != 0) return 0;
  return uint64_t{info.f_bavail} * info.f_frsize;
}

absl::Status ToStatus(const rocksdb::Status& status, std::string_view what, const std::string& directory) {
  if (status.ok()) return absl::OkStatus();
  const std::string where = std::string(what) + " in " + directory + ": ";
  if (status.IsNoSpace()) {
    return absl::ResourceExhaustedError(where + "the disk is full (" + std::to_string(FreeSpace(directory)) +
                                        " bytes left); nothing of it was kept. Make space there; it goes on by itself");
  }
  const std::string text = status.ToString();
  if (status.IsCorruption()) {
    return absl::DataLossError(where + text + ". Restore the directory from a backup");
  }
  if (status.IsIOError()) {
    return absl::UnavailableError(where + text +
                                  ". Check that the directory is writable, that nothing else uses it and that its disk "
                                  "is healthy; it is tried again");
  }
  return absl::InternalError(where + text);
}

class RocksStore : public Store {
 public:
  RocksStore(std::string directory, std::unique_ptr<rocksdb::DB> db)
      : directory_(std::move(directory)), db_(std::move(db)) {}

  absl::Status Commit(const Batch& batch) override {
    rocksdb::WriteBatch writes;
    for (const Write& write : batch) {
      const rocksdb::Status s =
          write.value.has_value() ? writes.Put(write.key, *write.value) : writes.Delete(write.key);
      if (!s.ok()) return ToStatus(s, "can't gather a batch", directory_);
    }
    if (broken_.load()) {
      if (absl::Status s = Recover(); !s.ok()) return s;
    }
    const std::shared_lock lock(mutex_);
    if (db_ == nullptr) return Closed();
    rocksdb::WriteOptions options;
    options.sync = true;
    const rocksdb::Status s = db_->Write(options, &writes);
    if (!s.ok()) broken_.store(true);
    return ToStatus(s, "can't write", directory_);
  }

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    const std::shared_lock lock(mutex_);
    if (db_ == nullptr) return Closed();
    std::string value;
    const rocksdb::Status s = db_->Get(rocksdb::ReadOptions(), rocksdb::Slice(key.data(), key.size()), &value);
    if (s.IsNotFound()) return std::optional<std::string>();
    if (!s.ok()) return ToStatus(s, "can't read", directory_);
    return std::optional<std::string>(std::move(value));
  }

  absl::Status Scan(std::string_view prefix, std::string_view from,
                    const std::function<bool(std::string_view key, std::string_view value)>& visit) const override {
    const std::shared_lock lock(mutex_);
    if (db_ == nullptr) return Closed();
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions()));
    const std::string_view start = std::max(prefix, from);
    for (it->Seek(rocksdb::Slice(start.data(), start.size())); it->Valid(); it->Next()) {
      const std::string_view key(it->key().data(), it->key().size());
      if (!key.starts_with(prefix)) break;
      if (!visit(key, std::string_view(it->value().data(), it->value().size()))) break;
    }
    return ToStatus(it->status(), "can't read", directory_);
  }

 private:
  absl::Status Closed() const {
    return absl::UnavailableError("the store in " + directory_ +
                                  " couldn't be opened again; the next commit retries it");
  }

  absl::Status Recover() {
    const std::unique_lock lock(mutex_);
    if (!broken_.load()) return absl::OkStatus();
    if (db_ != nullptr) {
      const rocksdb::Status resumed = db_->Resume();
      if (resumed.ok()) {
        broken_.store(false);
        return absl::OkStatus();
      }
      if (FreeSpace(directory_) < kSpaceToReopen)
        return ToStatus(rocksdb::Status::NoSpace(), "can't write", directory_);
      db_.reset();
    }
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status s = rocksdb::DB::Open(StoreOptions(), directory_, &opened);
    if (!s.ok()) return ToStatus(s, "can't open the store again", directory_);
    db_.reset(opened);
    broken_.store(false);
    return absl::OkStatus();
  }

  const std::string directory_;
  mutable std::shared_mutex mutex_;  // exclusive while the database is replaced
  std::unique_ptr<rocksdb::DB> db_;
  std::atomic<bool> broken_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenRocksStore(const std::string& directory) {
  rocksdb::DB* db = nullptr;
  const rocksdb::Status s = rocksdb::DB::Open(StoreOptions(), directory, &db);
  if (!s.ok()) return ToStatus(s, "can't open the store", directory);
  return std::make_unique<RocksStore>(directory, std::unique_ptr<rocksdb::DB>(db));
}

}  // namespace breakwater::store
