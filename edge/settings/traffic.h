// The parts of the configuration that say what traffic is whose: protected prefixes and sources.
//
//   const std::vector<datapath::Policy> policies = ReadPolicies(root.Get("protect"));
//
// Each function reports what is wrong to the value's document and returns what could be read.
#ifndef BREAKWATER_EDGE_SETTINGS_TRAFFIC_H_
#define BREAKWATER_EDGE_SETTINGS_TRAFFIC_H_

#include <string>
#include <vector>

#include "common/config/config.h"
#include "edge/datapath/datapath.h"

namespace breakwater::settings {

std::vector<datapath::Policy> ReadPolicies(const config::Value& list);
std::vector<datapath::SourceEntry> ReadSources(const config::Value& list);

// "the rest is dropped", "the rest passes", "the rest is capped at 1kpps".
std::string UndeclaredText(const datapath::Policy& policy);

}  // namespace breakwater::settings

#endif  // BREAKWATER_EDGE_SETTINGS_TRAFFIC_H_
