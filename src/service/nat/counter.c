#include "service/nat/counter.h"

#include "base/err.h"

#define DROPPED(word)                                                                              \
	{                                                                                          \
		"nat_dropped_total", word, "Packets dropped, by cause"                             \
	}

static const struct nat_counter_name names[NAT_C_N] = {
	[NAT_C_PACKETS] = {"nat_packets_total", 0, "Packets seen on all devices"},
	[NAT_C_TRANSLATED] = {"nat_translated_total", 0, "Packets translated or routed"},
	[NAT_C_PASSED] = {"nat_passed_total", 0, "Packets left to the machine itself"},
	[NAT_C_FLOWS_BEGUN] = {"nat_flows_begun_total", 0, "Flows begun"},
	[NAT_C_FLOWS_ENDED] = {"nat_flows_ended_total", 0, "Flows ended"},
	[NAT_C_PORT_KEPT] = {"nat_ports_kept_total", 0, "Mappings with the host's own port"},
	[NAT_C_PORT_OTHER] = {"nat_ports_other_total", 0, "Mappings with another port"},
	[NAT_C_DROP_FORMAT] = DROPPED("format"),
	[NAT_C_DROP_CHECKSUM] = DROPPED("checksum"),
	[NAT_C_DROP_SPOOFED] = DROPPED("spoofed"),
	[NAT_C_DROP_BOGON] = DROPPED("bogon"),
	[NAT_C_DROP_RULE] = DROPPED("rule"),
	[NAT_C_DROP_UNASKED] = DROPPED("unasked"),
	[NAT_C_DROP_FILTERED] = DROPPED("filtered"),
	[NAT_C_DROP_NO_FLOW] = DROPPED("no-flow"),
	[NAT_C_DROP_TABLE_FULL] = DROPPED("table-full"),
	[NAT_C_DROP_HOST_FULL] = DROPPED("host-full"),
	[NAT_C_DROP_NO_PORT] = DROPPED("no-port"),
	[NAT_C_DROP_TTL] = DROPPED("ttl"),
	[NAT_C_DROP_MTU] = DROPPED("mtu"),
	[NAT_C_DROP_FRAGMENT] = DROPPED("fragment"),
	[NAT_C_DROP_ICMP] = DROPPED("icmp"),
	[NAT_C_DROP_NO_ROUTE] = DROPPED("no-route"),
	[NAT_C_DROP_LEAK] = DROPPED("leak"),
	[NAT_C_DROP_PROTOCOL] = DROPPED("protocol"),
	[NAT_C_DROP_QUIC] = DROPPED("quic"),
	[NAT_C_RACE] = {"nat_races_total", 0,
			"Packets dropped because two processors began one flow"},
	[NAT_C_EVENTS_LOST] = {"nat_events_lost_total", 0, "Events over their rate, not told"},
	[NAT_C_TTL_ANSWERED] = {"nat_ttl_answered_total", 0, "Senders told that the TTL ended"},
	[NAT_C_MTU_ANSWERED] = {"nat_mtu_answered_total", 0,
				"Senders told that a packet is too big"},
	[NAT_C_REFUSAL_ANSWERED] = {"nat_refusals_answered_total", 0,
				    "Senders told that a rule rejects a packet"},
	[NAT_C_FRAGMENTS_HELD] = {"nat_fragments_held_total", 0,
				  "Fragments that waited for the first of theirs"},
};

const struct nat_counter_name *nat_counter_name(enum nat_counter counter)
{
	static const struct nat_counter_name none = {"nat_other_total", 0, "Other events"};
	return counter < NAT_C_N && names[counter].metric ? &names[counter] : &none;
}
