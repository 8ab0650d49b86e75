// The packet filter loaded into the kernel, its tables mapped into this process.
//
//   absl::StatusOr<std::unique_ptr<KernelTables>> k = KernelTables::Load({.fed = true, .cpus = 1, .host_sets = 2048});
//   (*k)->tables().settings->now = ...;
//   (*k)->program();                       // its file descriptor
//
// Not thread-safe. Everything is gone with the object, unless something else (a link) holds the program.
#ifndef BREAKWATER_EDGE_DATAPATH_KERNEL_TABLES_H_
#define BREAKWATER_EDGE_DATAPATH_KERNEL_TABLES_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "edge/datapath/filter/native.h"

struct bpf_object;
struct ring_buffer;

namespace breakwater::datapath {

struct KernelTableOptions {
  bool fed = false;  // packets are fed by hand: time comes from settings, the result goes to result
  uint32_t cpus = 1;
  uint32_t host_sets = 2048;  // per CPU; a power of two
};

class KernelTables {
 public:
  // what: for error messages, such as "the kernel engine".
  static absl::StatusOr<std::unique_ptr<KernelTables>> Load(const KernelTableOptions& options, const char* what);
  ~KernelTables();
  KernelTables(const KernelTables&) = delete;
  KernelTables& operator=(const KernelTables&) = delete;

  // Those that can't be mapped (limits) are null.
  bw_tables& tables() { return tables_; }
  int program() const { return program_; }
  void ForEachSample(const std::function<void(const bw_sample&)>& take);

 private:
  KernelTables() = default;
  absl::Status Map(const char* table, size_t element, uint32_t elements, void** memory);

  bpf_object* object_ = nullptr;
  ring_buffer* samples_ = nullptr;
  int program_ = -1;
  bw_tables tables_{};
  struct Mapping {
    void* memory;
    size_t size;
  };
  std::vector<Mapping> mappings_;
  const std::function<void(const bw_sample&)>* taker_ = nullptr;  // during ForEachSample
};

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_KERNEL_TABLES_H_
