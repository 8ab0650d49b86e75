// How busy the machine is, from the kernel's own files.
//
//   HostLoad load;                                  // reads /proc/stat; the first look only remembers
//   HostLoad::Values v = load.Look({"eth0"});       // once a second
//
// What can't be read is 0. Parsing is apart, and pure. Not thread-safe.
#ifndef BREAKWATER_EDGE_APP_HOST_LOAD_H_
#define BREAKWATER_EDGE_APP_HOST_LOAD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace breakwater::app {

// The "cpu" line of /proc/stat, in ticks of all cores since boot.
struct CpuTicks {
  uint64_t total = 0;
  uint64_t idle = 0;
  uint64_t softirq = 0;
};
std::optional<CpuTicks> ParseCpuTicks(std::string_view proc_stat);

class HostLoad {
 public:
  struct Values {
    uint32_t cpu_permille = 0;      // of all cores, since the look before
    uint32_t softirq_permille = 0;  // as well
    uint64_t receive_drops = 0;     // of the interfaces, since boot
  };

  explicit HostLoad(std::string proc_stat = "/proc/stat", std::string net = "/sys/class/net")
      : proc_stat_(std::move(proc_stat)), net_(std::move(net)) {}
  Values Look(const std::vector<std::string>& interfaces);

 private:
  std::string proc_stat_;
  std::string net_;
  std::optional<CpuTicks> before_;
};

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_HOST_LOAD_H_
