// The tables of the packet filter in ordinary memory, for the native build.
//
//   NativeTables tables(/*host_sets=*/2048);
//   bw_native_run(tables.env(), frame.data(), frame.size());
//
// Not thread-safe; several are independent.
#ifndef BREAKWATER_EDGE_DATAPATH_NATIVE_TABLES_H_
#define BREAKWATER_EDGE_DATAPATH_NATIVE_TABLES_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "edge/datapath/filter/native.h"

namespace breakwater::datapath {

class NativeTables {
 public:
  explicit NativeTables(uint32_t host_sets);
  ~NativeTables();
  NativeTables(const NativeTables&) = delete;
  NativeTables& operator=(const NativeTables&) = delete;

  bw_native* env() { return env_.get(); }
  bw_tables& tables() { return env_->tables; }

 private:
  std::unique_ptr<bw_native> env_;
  std::vector<void*> memory_;
};

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_NATIVE_TABLES_H_
