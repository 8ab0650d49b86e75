// The one table of everything a rule's match can speak about. The parser, the compilers of each layer, the reference
// documentation, CLI completion and the dashboard's editor are made from it.
//
//   const FieldInfo* f = FindField("udp.srcport");
//   f->type == FieldType::kNumber; f->max == 65535; f->layer == Layer::kL4; f->flowspec == 6;
//
// A comparison on a field that a packet doesn't have is false (so "udp.srcport == 53" is false for TCP and
// "not udp.srcport == 53" is true). All look-ups are thread-safe and don't allocate.
#ifndef BREAKWATER_COMMON_RULE_FIELD_H_
#define BREAKWATER_COMMON_RULE_FIELD_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace breakwater::rule {

enum class FieldType {
  kNumber,   // 0..max
  kAddress,  // IP prefix; one address is its full-length prefix
  kFlags,    // number with named bits; may be masked
  kBytes,    // 1..8 bytes at an offset, written field[offset:length]; may be masked
  kString,   // UTF-8, decided by TLS or HTTP layers; supports == , in and matches (globs)
  kCountry,  // two-letter code, ISO 3166-1 alpha-2
};

// The cheapest layer that can decide a field.
enum class Layer { kL3, kL4, kTls, kHttp };

// The order is part of canonical text ("and" is sorted by it): insert where a field belongs, never reorder.
// X(ID, NAME, TYPE, MAX, LAYER, FLOWSPEC COMPONENT (RFC 8955 section 4.2.2; 0 = none), DOC)
#define BW_FIELDS(X)                                                                                              \
  X(kIpVersion, "ip.version", kNumber, 15, kL3, 0, "IP version: 4 or 6")                                          \
  X(kIpDst, "ip.dst", kAddress, 0, kL3, 1, "destination address or prefix")                                       \
  X(kIpSrc, "ip.src", kAddress, 0, kL3, 2, "source address or prefix")                                            \
  X(kIpProto, "ip.proto", kNumber, 255, kL3, 3, "transport protocol; IPv6 extension headers are skipped")         \
  X(kIpLen, "ip.len", kNumber, 65535, kL3, 10, "IP total length in bytes, headers included")                      \
  X(kIpTtl, "ip.ttl", kNumber, 255, kL3, 0, "time to live, or IPv6 hop limit")                                    \
  X(kIpDscp, "ip.dscp", kNumber, 63, kL3, 11, "differentiated services code point")                               \
  X(kIpId, "ip.id", kNumber, 65535, kL3, 0, "IPv4 identification; absent in IPv6")                                \
  X(kIpFragment, "ip.fragment", kFlags, 15, kL3, 12,                                                              \
    "fragment bits: df, isf (is a later fragment), ff (first fragment), lf (last fragment)")                      \
  X(kPort, "port", kNumber, 65535, kL4, 4, "TCP or UDP source or destination port")                               \
  X(kDstPort, "dstport", kNumber, 65535, kL4, 5, "TCP or UDP destination port")                                   \
  X(kSrcPort, "srcport", kNumber, 65535, kL4, 6, "TCP or UDP source port")                                        \
  X(kTcpDstPort, "tcp.dstport", kNumber, 65535, kL4, 5, "TCP destination port")                                   \
  X(kTcpSrcPort, "tcp.srcport", kNumber, 65535, kL4, 6, "TCP source port")                                        \
  X(kTcpFlags, "tcp.flags", kFlags, 255, kL4, 9, "TCP flags: fin, syn, rst, psh, ack, urg, ece, cwr")             \
  X(kTcpWindow, "tcp.window", kNumber, 65535, kL4, 0, "TCP window as sent, not scaled")                           \
  X(kTcpHdrLen, "tcp.hdr_len", kNumber, 60, kL4, 0, "TCP header length in bytes, options included")               \
  X(kTcpSeq, "tcp.seq", kNumber, 4294967295, kL4, 0, "TCP sequence number")                                       \
  X(kTcpAck, "tcp.ack", kNumber, 4294967295, kL4, 0, "TCP acknowledgement number")                                \
  X(kUdpDstPort, "udp.dstport", kNumber, 65535, kL4, 5, "UDP destination port")                                   \
  X(kUdpSrcPort, "udp.srcport", kNumber, 65535, kL4, 6, "UDP source port")                                        \
  X(kUdpLen, "udp.len", kNumber, 65535, kL4, 0, "UDP length in bytes, header included")                           \
  X(kIcmpType, "icmp.type", kNumber, 255, kL4, 7, "ICMP type")                                                    \
  X(kIcmpCode, "icmp.code", kNumber, 255, kL4, 8, "ICMP code")                                                    \
  X(kIcmp6Type, "icmpv6.type", kNumber, 255, kL4, 7, "ICMPv6 type (RFC 8956)")                                    \
  X(kIcmp6Code, "icmpv6.code", kNumber, 255, kL4, 8, "ICMPv6 code (RFC 8956)")                                    \
  X(kVlanId, "vlan.id", kNumber, 4095, kL3, 0, "outer VLAN id; absent when untagged")                             \
  X(kL3Bytes, "l3", kBytes, 127, kL3, 0, "bytes from the start of the IP header: l3[offset:length]")              \
  X(kL4Bytes, "l4", kBytes, 127, kL4, 0, "bytes from the start of the transport header")                          \
  X(kPayloadBytes, "payload", kBytes, 1023, kL4, 0, "bytes behind the TCP, UDP or ICMP header (8 bytes of ICMP)") \
  X(kSrcAsn, "src.asn", kNumber, 4294967295, kL3, 0, "autonomous system number of the source")                    \
  X(kSrcCountry, "src.country", kCountry, 0, kL3, 0, "country of the source")                                     \
  X(kTlsSni, "tls.sni", kString, 255, kTls, 0, "server name of the TLS ClientHello")                              \
  X(kTlsJa4, "tls.ja4", kString, 64, kTls, 0, "JA4 fingerprint of the TLS ClientHello")                           \
  X(kHttpMethod, "http.method", kString, 32, kHttp, 0, "request method")                                          \
  X(kHttpHost, "http.host", kString, 255, kHttp, 0, "host, lower case, without port")                             \
  X(kHttpPath, "http.path", kString, 1024, kHttp, 0, "path of the request target, percent-decoded")               \
  X(kHttpQuery, "http.query", kString, 1024, kHttp, 0, "query of the request target")                             \
  X(kHttpHeader, "http.header", kString, 1024, kHttp, 0, "value of a header: http.header[\"name\"]")              \
  X(kHttpCookie, "http.cookie", kString, 1024, kHttp, 0, "value of a cookie: http.cookie[\"name\"]")              \
  X(kHttpUserAgent, "http.user_agent", kString, 1024, kHttp, 0, "value of the User-Agent header")

enum class FieldId {
#define BW_FIELD_ENUM(id, name, type, max, layer, flowspec, doc) id,
  BW_FIELDS(BW_FIELD_ENUM)
#undef BW_FIELD_ENUM
};

struct FieldInfo {
  FieldId id;
  std::string_view name;
  FieldType type;
  uint64_t max;  // largest number; for kBytes the largest offset; for kString the longest value in bytes
  Layer layer;
  int flowspec;
  std::string_view doc;
};

// In table order.
std::span<const FieldInfo> Fields();
const FieldInfo& Field(FieldId id);
// Null when there is no such field.
const FieldInfo* FindField(std::string_view name);
std::string_view LayerName(Layer layer);  // "l3", "l4", "tls", "http"

// Names of the bits of a kFlags field, e.g. {"syn", 0x02}.
struct FlagName {
  std::string_view name;
  uint64_t bit;
};
std::span<const FlagName> FlagNames(FieldId id);

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_FIELD_H_
