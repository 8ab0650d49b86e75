/* Attack vectors: into which kind every packet to a protected target is counted. Compiled as C into the packet filter
 * (eBPF and native) and as C++ everywhere else, so that a vector has one number and one name in the whole network.
 *
 *   BW_VECTOR_TCP_SYN                      its number: stable, append only, also used on the wire
 *   vector_name(BW_VECTOR_TCP_SYN)         "tcp.syn" (C++ only)
 *
 * UDP is divided by source port: the ports of known reflectors have a vector each, all others are udp.other.
 */
#ifndef BREAKWATER_COMMON_WINDOW_VECTOR_H_
#define BREAKWATER_COMMON_WINDOW_VECTOR_H_

/* X(NUMBER, ID, NAME, DESCRIPTION) */
#define BW_VECTORS(X)                                                                             \
  X(0, IP_OTHER, "ip.other", "protocols other than TCP, UDP and ICMP")                            \
  X(1, TCP_SYN, "tcp.syn", "TCP connection requests")                                             \
  X(2, TCP_SYNACK, "tcp.synack", "TCP SYN-ACK: reflection, or replies to the target's own SYNs")  \
  X(3, TCP_RST, "tcp.rst", "TCP RST, with or without ACK: reflection or backscatter")             \
  X(4, TCP_FIN, "tcp.fin", "TCP FIN")                                                             \
  X(5, TCP_ACK, "tcp.ack", "TCP with ACK and none of SYN, RST, FIN: data and acknowledgements")   \
  X(6, TCP_INVALID, "tcp.invalid", "TCP flag combinations no stack sends (null, SYN-FIN, Xmas)")  \
  X(7, UDP_OTHER, "udp.other", "UDP from a source port of no known reflector")                    \
  X(8, ICMP_ECHO, "icmp.echo", "ICMP and ICMPv6 echo requests")                                   \
  X(9, ICMP_ECHO_REPLY, "icmp.echo_reply", "ICMP and ICMPv6 echo replies")                        \
  X(10, ICMP_ERROR, "icmp.error", "ICMP and ICMPv6 errors: unreachable, time exceeded and so on") \
  X(11, ICMP_OTHER, "icmp.other", "other ICMP and ICMPv6, neighbour discovery included")          \
  X(12, FRAGMENT, "ip.fragment", "fragments without a transport header")                          \
  X(13, UNPARSED, "ip.unparsed", "packets whose headers are cut short or contradict themselves")  \
  X(16, UDP_DNS, "udp.dns", "UDP from port 53")                                                   \
  X(17, UDP_NTP, "udp.ntp", "UDP from port 123")                                                  \
  X(18, UDP_SSDP, "udp.ssdp", "UDP from port 1900")                                               \
  X(19, UDP_MEMCACHED, "udp.memcached", "UDP from port 11211")                                    \
  X(20, UDP_CLDAP, "udp.cldap", "UDP from port 389")                                              \
  X(21, UDP_CHARGEN, "udp.chargen", "UDP from port 19")                                           \
  X(22, UDP_SNMP, "udp.snmp", "UDP from port 161")                                                \
  X(23, UDP_WSD, "udp.wsd", "UDP from port 3702")                                                 \
  X(24, UDP_ARMS, "udp.arms", "UDP from port 3283")                                               \
  X(25, UDP_COAP, "udp.coap", "UDP from port 5683")                                               \
  X(26, UDP_BACNET, "udp.bacnet", "UDP from port 47808")                                          \
  X(27, UDP_DVR, "udp.dvr", "UDP from port 37810 (video recorders)")                              \
  X(28, UDP_IKE, "udp.ike", "UDP from port 500 or 4500")                                          \
  X(29, UDP_STUN, "udp.stun", "UDP from port 3478")                                               \
  X(30, UDP_PLEX, "udp.plex", "UDP from port 32414")                                              \
  X(31, UDP_SENTINEL, "udp.sentinel", "UDP from port 5093")                                       \
  X(32, UDP_MDNS, "udp.mdns", "UDP from port 5353")                                               \
  X(33, UDP_PORTMAP, "udp.portmap", "UDP from port 111")                                          \
  X(34, UDP_TFTP, "udp.tftp", "UDP from port 69")                                                 \
  X(35, UDP_QOTD, "udp.qotd", "UDP from port 17")                                                 \
  X(36, UDP_RIP, "udp.rip", "UDP from port 520")                                                  \
  X(37, UDP_NETBIOS, "udp.netbios", "UDP from port 137 or 138")                                   \
  X(38, UDP_SIP, "udp.sip", "UDP from port 5060")                                                 \
  X(39, UDP_MSSQL, "udp.mssql", "UDP from port 1434")                                             \
  X(40, UDP_L2TP, "udp.l2tp", "UDP from port 1701")                                               \
  X(41, UDP_UBNT, "udp.ubnt", "UDP from port 10001 (Ubiquiti discovery)")                         \
  X(42, UDP_QUAKE, "udp.quake", "UDP from port 27960")                                            \
  X(43, UDP_STEAM, "udp.steam", "UDP from port 27015")                                            \
  X(44, UDP_QUIC, "udp.quic", "UDP from port 443 or 80")

/* X(SOURCE_PORT, VECTOR_ID) */
/* clang-format off */
#define BW_UDP_SOURCE_PORTS(X) \
  X(53, UDP_DNS) X(123, UDP_NTP) X(1900, UDP_SSDP) X(11211, UDP_MEMCACHED) X(389, UDP_CLDAP) \
  X(19, UDP_CHARGEN) X(161, UDP_SNMP) X(3702, UDP_WSD) X(3283, UDP_ARMS) \
  X(5683, UDP_COAP) X(47808, UDP_BACNET) X(37810, UDP_DVR) X(500, UDP_IKE) \
  X(4500, UDP_IKE) X(3478, UDP_STUN) X(32414, UDP_PLEX) X(5093, UDP_SENTINEL) \
  X(5353, UDP_MDNS) X(111, UDP_PORTMAP) X(69, UDP_TFTP) X(17, UDP_QOTD) \
  X(520, UDP_RIP) X(137, UDP_NETBIOS) X(138, UDP_NETBIOS) X(5060, UDP_SIP) \
  X(1434, UDP_MSSQL) X(1701, UDP_L2TP) X(10001, UDP_UBNT) X(27960, UDP_QUAKE) \
  X(27015, UDP_STEAM) X(443, UDP_QUIC) X(80, UDP_QUIC)
/* clang-format on */

enum bw_vector {
#define BW_VECTOR_ENUM(number, id, name, description) BW_VECTOR_##id = number,
  BW_VECTORS(BW_VECTOR_ENUM)
#undef BW_VECTOR_ENUM
  /* 64..95 are the gateway's (http.*). */
  BW_VECTOR_MAX = 96
};

#ifdef __cplusplus
#include <cstdint>
#include <optional>
#include <string_view>

namespace breakwater::window {

using Vector = ::bw_vector;

// "tcp.syn"; "unknown" for a number without a vector.
std::string_view vector_name(Vector vector);
std::string_view vector_description(Vector vector);
std::optional<Vector> vector_from_name(std::string_view name);

}  // namespace breakwater::window
#endif

#endif /* BREAKWATER_COMMON_WINDOW_VECTOR_H_ */
