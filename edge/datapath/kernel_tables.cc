#include "edge/datapath/kernel_tables.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "edge/datapath/capability.h"
#include "edge/datapath/filter_object.h"

namespace breakwater::datapath {
namespace {

// What libbpf and the verifier said last, for error messages: their own text goes to stderr otherwise.
constexpr size_t kKeptLog = 4096;
thread_local std::string last_log;

int KeepLog(libbpf_print_level level, const char* format, va_list args) {
  if (level == LIBBPF_DEBUG) return 0;
  char line[1024];
  const int size = std::vsnprintf(line, sizeof line, format, args);
  if (size > 0) last_log.append(line, std::min<size_t>(size, sizeof line - 1));
  if (last_log.size() > kKeptLog) last_log.erase(0, last_log.size() - kKeptLog);
  return 0;
}

absl::Status Failed(int error, const char* what, std::string_view step) {
  std::string message = absl::StrCat(what, ": ", std::string(step));
  if (!last_log.empty()) absl::StrAppend(&message, "; the kernel's loader said:\n", last_log);
  if (error == ENOMEM) absl::StrAppend(&message, "; free memory or lower host_table_entries");
  return absl::ErrnoToStatus(error, message);
}

uint32_t Elements(uint32_t elements, int unit, const KernelTableOptions& options) {
  if (unit == BW_PER_CPU) return elements * options.cpus;
  if (unit == BW_PER_HOST_SET) return elements * options.cpus * options.host_sets;
  return elements;
}

int OnSample(void* context, void* data, size_t size) {
  auto* take = static_cast<const std::function<void(const bw_sample&)>**>(context);
  if (*take != nullptr && size >= sizeof(bw_sample)) (**take)(*static_cast<const bw_sample*>(data));
  return 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<KernelTables>> KernelTables::Load(const KernelTableOptions& options, const char* what) {
  if (absl::Status s = CheckCapabilities(what); !s.ok()) return s;
  last_log.clear();
  libbpf_set_print(KeepLog);
  std::unique_ptr<KernelTables> self(new KernelTables());

  const std::span<const uint8_t> object = FilterObject();
  LIBBPF_OPTS(bpf_object_open_opts, open, .object_name = "breakwater");
  self->object_ = bpf_object__open_mem(object.data(), object.size(), &open);
  if (self->object_ == nullptr) return Failed(errno, what, "opening the packet filter");

  bpf_map* rodata = bpf_object__find_map_by_name(self->object_, "breakwat.rodata");
  size_t rodata_size = 0;
  const void* initial = rodata == nullptr ? nullptr : bpf_map__initial_value(rodata, &rodata_size);
  if (initial == nullptr || rodata_size != 1)
    return absl::InternalError("the packet filter's object has no constant bw_fed: it is damaged, rebuild it");
  const uint8_t fed = options.fed ? 1 : 0;
  if (const int error = bpf_map__set_initial_value(rodata, &fed, 1); error != 0)
    return Failed(-error, what, "setting bw_fed");

#define BW_SIZE_TABLE(name, type, count, unit, mapped)                                             \
  self->tables_.name##_elements = Elements(count, unit, options);                                  \
  if (bpf_map* map = bpf_object__find_map_by_name(self->object_, "bw_map_" #name); map != nullptr) \
    bpf_map__set_max_entries(map, self->tables_.name##_elements);
  BW_TABLES(BW_SIZE_TABLE)
#undef BW_SIZE_TABLE

  if (const int error = bpf_object__load(self->object_); error != 0)
    return Failed(-error, what, "loading the packet filter into the kernel");
  self->program_ = bpf_program__fd(bpf_object__find_program_by_name(self->object_, "bw_xdp"));

#define BW_MAP_TABLE(name, type, count, unit, mapped)                                                  \
  if (mapped) {                                                                                        \
    void* memory = nullptr;                                                                            \
    absl::Status s = self->Map("bw_map_" #name, sizeof(type), self->tables_.name##_elements, &memory); \
    if (!s.ok()) return s;                                                                             \
    self->tables_.name = static_cast<type*>(memory);                                                   \
  }
  BW_TABLES(BW_MAP_TABLE)
#undef BW_MAP_TABLE

  self->samples_ = ring_buffer__new(bpf_object__find_map_fd_by_name(self->object_, "bw_map_samples"), OnSample,
                                    &self->taker_, nullptr);
  if (self->samples_ == nullptr) return Failed(errno, what, "mapping the ring of samples");
  return self;
}

absl::Status KernelTables::Map(const char* table, size_t element, uint32_t elements, void** memory) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t size = (element * elements + page - 1) / page * page;
  const int fd = bpf_object__find_map_fd_by_name(object_, table);
  void* mapped = fd < 0 ? MAP_FAILED : mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return absl::ErrnoToStatus(errno, absl::StrCat("mapping ", table, " (", size, " bytes)"));
  mappings_.push_back({mapped, size});
  *memory = mapped;
  return absl::OkStatus();
}

KernelTables::~KernelTables() {
  for (const Mapping& mapping : mappings_) munmap(mapping.memory, mapping.size);
  if (samples_ != nullptr) ring_buffer__free(samples_);
  if (object_ != nullptr) bpf_object__close(object_);
}

void KernelTables::ForEachSample(const std::function<void(const bw_sample&)>& take) {
  taker_ = &take;
  ring_buffer__consume(samples_);
  taker_ = nullptr;
}

}  // namespace breakwater::datapath
