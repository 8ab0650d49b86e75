#include "edge/app/host_load.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace breakwater::app {
namespace {

constexpr size_t kIdle = 3, kIoWait = 4, kSoftirq = 6, kColumns = 8;
constexpr uint64_t kPermille = 1000;

std::string FirstLine(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

uint64_t NumberIn(const std::string& path) {
  std::istringstream in(FirstLine(path));
  uint64_t value = 0;
  in >> value;
  return in.fail() ? 0 : value;
}

uint32_t Share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<uint32_t>(std::min(kPermille, part * kPermille / whole));
}

uint64_t Since(uint64_t now, uint64_t before) { return now - std::min(now, before); }

}  // namespace

std::optional<CpuTicks> ParseCpuTicks(std::string_view proc_stat) {
  std::istringstream in{std::string(proc_stat.substr(0, proc_stat.find('\n')))};
  std::string name;
  in >> name;
  if (name != "cpu") return std::nullopt;
  CpuTicks ticks;
  uint64_t value = 0;
  size_t column = 0;
  for (; column < kColumns && in >> value; ++column) {
    ticks.total += value;
    if (column == kIdle || column == kIoWait) ticks.idle += value;
    if (column == kSoftirq) ticks.softirq = value;
  }
  if (column < kColumns) return std::nullopt;
  return ticks;
}

HostLoad::Values HostLoad::Look(const std::vector<std::string>& interfaces) {
  Values values;
  const std::optional<CpuTicks> now = ParseCpuTicks(FirstLine(proc_stat_));
  if (now && before_) {
    const uint64_t all = Since(now->total, before_->total);
    values.cpu_permille = Share(all - std::min(all, Since(now->idle, before_->idle)), all);
    values.softirq_permille = Share(Since(now->softirq, before_->softirq), all);
  }
  if (now) before_ = now;
  for (const std::string& name : interfaces) {
    const std::string statistics = net_ + "/" + name + "/statistics/";
    values.receive_drops += NumberIn(statistics + "rx_dropped") + NumberIn(statistics + "rx_missed_errors");
  }
  return values;
}

}  // namespace breakwater::app
