/* The zone files of the lab, as text. Knows no host and no address plan beyond what stands in them.
 */
#ifndef LAB_ZONES_H
#define LAB_ZONES_H

#define LAB_ZONE_ROOT                                                                              \
	"$TTL 518400\n"                                                                            \
	". 86400 SOA a.root-servers.net. hostmaster.root-servers.net. 1 1800 900 604800 86400\n"   \
	". NS a.root-servers.net.\n"                                                               \
	". NS b.root-servers.net.\n"                                                               \
	"a.root-servers.net. A 198.51.100.10\n"                                                    \
	"a.root-servers.net. AAAA 2001:db8:51::10\n"                                               \
	"b.root-servers.net. A 198.51.100.11\n"                                                    \
	"b.root-servers.net. AAAA 2001:db8:51::11\n"                                               \
	"$TTL 172800\n"                                                                            \
	"com. NS a.nic.com.\n"                                                                     \
	"com. NS b.nic.com.\n"                                                                     \
	"a.nic.com. A 198.51.100.20\n"                                                             \
	"a.nic.com. AAAA 2001:db8:51::20\n"                                                        \
	"b.nic.com. A 198.51.100.21\n"                                                             \
	"b.nic.com. AAAA 2001:db8:51::21\n"                                                        \
	"kr. NS a.nic.kr.\n"                                                                       \
	"kr. NS b.nic.kr.\n"                                                                       \
	"a.nic.kr. A 198.51.100.30\n"                                                              \
	"a.nic.kr. AAAA 2001:db8:51::30\n"                                                         \
	"b.nic.kr. A 198.51.100.31\n"                                                              \
	"b.nic.kr. AAAA 2001:db8:51::31\n"                                                         \
	"113.0.203.in-addr.arpa. NS ns1.example.com.\n"                                            \
	"113.0.203.in-addr.arpa. NS ns2.example.com.\n"

#define LAB_ZONE_COM                                                                               \
	"$ORIGIN com.\n$TTL 172800\n"                                                              \
	"@ 900 SOA a.nic hostmaster.nic 1 1800 900 604800 900\n"                                   \
	"@ NS a.nic\n"                                                                             \
	"@ NS b.nic\n"                                                                             \
	"a.nic A 198.51.100.20\n"                                                                  \
	"a.nic AAAA 2001:db8:51::20\n"                                                             \
	"b.nic A 198.51.100.21\n"                                                                  \
	"b.nic AAAA 2001:db8:51::21\n"                                                             \
	"example NS ns1.example\n"                                                                 \
	"example NS ns2.example\n"                                                                 \
	"ns1.example A 203.0.113.53\n"                                                             \
	"ns1.example AAAA 2001:db8:113::53\n"                                                      \
	"ns2.example A 203.0.113.54\n"                                                             \
	"ns2.example AAAA 2001:db8:113::54\n"                                                      \
	"shop NS ns1.example\n"                                                                    \
	"shop NS ns2.example\n"

#define LAB_ZONE_KR                                                                                \
	"$ORIGIN kr.\n$TTL 86400\n"                                                                \
	"@ 600 SOA a.nic hostmaster.nic 1 1800 900 604800 600\n"                                   \
	"@ NS a.nic\n"                                                                             \
	"@ NS b.nic\n"                                                                             \
	"a.nic A 198.51.100.30\n"                                                                  \
	"a.nic AAAA 2001:db8:51::30\n"                                                             \
	"b.nic A 198.51.100.31\n"                                                                  \
	"b.nic AAAA 2001:db8:51::31\n"                                                             \
	"hanbit NS ns.hanbit\n"                                                                    \
	"ns.hanbit A 203.0.113.60\n"                                                               \
	"ns.hanbit AAAA 2001:db8:113::60\n"                                                        \
	"; the name of the country in its own letters\n"                                           \
	"xn--3e0b707e NS ns1.example.com.\n"                                                       \
	"xn--3e0b707e NS ns2.example.com.\n"

#define LAB_ZONE_EXAMPLE_COM                                                                       \
	"$ORIGIN example.com.\n$TTL 300\n"                                                         \
	"@ 3600 SOA ns1 hostmaster 2026112301 7200 3600 1209600 300\n"                             \
	"@ 3600 NS ns1\n"                                                                          \
	"@ 3600 NS ns2\n"                                                                          \
	"ns1 3600 A 203.0.113.53\n"                                                                \
	"ns1 3600 AAAA 2001:db8:113::53\n"                                                         \
	"ns2 3600 A 203.0.113.54\n"                                                                \
	"ns2 3600 AAAA 2001:db8:113::54\n"                                                         \
	"@ A 203.0.113.80\n"                                                                       \
	"@ MX 10 mail\n"                                                                           \
	"@ MX 20 mail.hanbit.kr.\n"                                                                \
	"@ TXT \"v=spf1 mx -all\"\n"                                                               \
	"@ CAA 0 issue \"ca.example.com\"\n"                                                       \
	"www A 203.0.113.80\n"                                                                     \
	"www AAAA 2001:db8:113::80\n"                                                              \
	"www HTTPS 1 . alpn=h2 ipv4hint=203.0.113.80\n"                                            \
	"mail A 203.0.113.81\n"                                                                    \
	"; the site of the tour: its gateway, as the world sees it\n"                              \
	"home A 192.0.2.2\n"                                                                       \
	"cloud A 192.0.2.2\n"                                                                      \
	"ftp CNAME www\n"                                                                          \
	"partner CNAME www.seoul.hanbit.kr.\n"                                                     \
	"_sip._udp SRV 10 60 5060 sip\n"                                                           \
	"sip A 203.0.113.82\n"                                                                     \
	"*.wild A 203.0.113.83\n"

#define LAB_ZONE_SHOP_COM                                                                          \
	"$ORIGIN shop.com.\n$TTL 60\n"                                                             \
	"@ 3600 SOA ns1.example.com. hostmaster.example.com. 1 7200 3600 1209600 60\n"             \
	"@ 3600 NS ns1.example.com.\n"                                                             \
	"@ 3600 NS ns2.example.com.\n"                                                             \
	"www A 203.0.113.80\n"                                                                     \
	"www A 203.0.113.81\n"                                                                     \
	"www A 203.0.113.82\n"                                                                     \
	"www A 203.0.113.83\n"

#define LAB_ZONE_HANGUK_KR                                                                         \
	"$ORIGIN xn--3e0b707e.kr.\n$TTL 600\n"                                                     \
	"@ 3600 SOA ns1.example.com. hostmaster.example.com. 1 7200 3600 1209600 60\n"             \
	"@ 3600 NS ns1.example.com.\n"                                                             \
	"@ 3600 NS ns2.example.com.\n"                                                             \
	"www A 203.0.113.80\n"

#define LAB_ZONE_REVERSE                                                                           \
	"$ORIGIN 113.0.203.in-addr.arpa.\n$TTL 3600\n"                                             \
	"@ SOA ns1.example.com. hostmaster.example.com. 1 7200 3600 1209600 300\n"                 \
	"@ NS ns1.example.com.\n"                                                                  \
	"@ NS ns2.example.com.\n"                                                                  \
	"53 PTR ns1.example.com.\n"                                                                \
	"54 PTR ns2.example.com.\n"                                                                \
	"80 PTR www.example.com.\n"                                                                \
	"81 PTR mail.example.com.\n"                                                               \
	"82 PTR sip.example.com.\n"

#define LAB_ZONE_HANBIT_KR                                                                         \
	"$ORIGIN hanbit.kr.\n$TTL 3600\n"                                                          \
	"@ SOA ns hostmaster 1 7200 3600 1209600 300\n"                                            \
	"@ NS ns\n"                                                                                \
	"ns A 203.0.113.60\n"                                                                      \
	"ns AAAA 2001:db8:113::60\n"                                                               \
	"www A 203.0.113.82\n"                                                                     \
	"mail A 203.0.113.81\n"                                                                    \
	"; each branch answers for its own names\n"                                                \
	"seoul NS ns.seoul\n"                                                                      \
	"ns.seoul A 203.0.113.61\n"                                                                \
	"ns.seoul AAAA 2001:db8:113::61\n"                                                         \
	"eng NS ns.eng\n"                                                                          \
	"ns.eng A 203.0.113.62\n"                                                                  \
	"ns.eng AAAA 2001:db8:113::62\n"

#define LAB_ZONE_SEOUL_HANBIT_KR                                                                   \
	"$ORIGIN seoul.hanbit.kr.\n$TTL 600\n"                                                     \
	"@ 3600 SOA ns hostmaster 1 7200 3600 1209600 300\n"                                       \
	"@ 3600 NS ns\n"                                                                           \
	"ns A 203.0.113.61\n"                                                                      \
	"ns AAAA 2001:db8:113::61\n"                                                               \
	"www A 203.0.113.83\n"

#define LAB_ZONE_ENG_HANBIT_KR                                                                     \
	"$ORIGIN eng.hanbit.kr.\n$TTL 600\n"                                                       \
	"@ 3600 SOA ns hostmaster 1 7200 3600 1209600 300\n"                                       \
	"@ 3600 NS ns\n"                                                                           \
	"ns A 203.0.113.62\n"                                                                      \
	"ns AAAA 2001:db8:113::62\n"                                                               \
	"build A 203.0.113.82\n"                                                                   \
	"git CNAME build\n"

/* The site's own names; the address server adds one for each lease. */
#define LAB_ZONE_HOME                                                                              \
	"$ORIGIN home.arpa.\n$TTL 300\n"                                                           \
	"@ SOA gateway hostmaster 1 7200 3600 1209600 30\n"                                        \
	"@ NS gateway\n"                                                                           \
	"gateway A 192.168.7.1\n"                                                                  \
	"gateway AAAA fd00:7::1\n"                                                                 \
	"app1 A 192.168.7.11\n"                                                                    \
	"app2 A 192.168.7.12\n"

#define LAB_ZONE_HOME_REVERSE                                                                      \
	"$ORIGIN 7.168.192.in-addr.arpa.\n$TTL 300\n"                                              \
	"@ SOA gateway.home.arpa. hostmaster.home.arpa. 1 7200 3600 1209600 30\n"                  \
	"@ NS gateway.home.arpa.\n"                                                                \
	"1 PTR gateway.home.arpa.\n"

#endif
