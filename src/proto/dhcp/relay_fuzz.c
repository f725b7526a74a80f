/* Any bytes as option 82, and as a message that is relayed: with another option 82, without one,
 * and back again. */
#include "proto/dhcp/message.h"
#include "proto/dhcp/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dhcp_message m, back;
static uint8_t out[DHCP_MESSAGE_MAX + 300], stripped[DHCP_MESSAGE_MAX + 300];

static void check_option(struct span option)
{
	struct dhcp_relay_info i, again;
	if (dhcp_relay_info_read(option, &i))
		return;
	ASSERT(span_equal(i.whole, option));
	struct writer w = writer_of(out, sizeof(out));
	dhcp_relay_info_write(&w, &i);
	if (w.bad)
		return;
	ASSERT(dhcp_relay_info_read(writer_span(&w), &again) == OK);
	ASSERT(again.has_circuit_id == i.has_circuit_id &&
	       span_equal(again.circuit_id, i.circuit_id));
	ASSERT(again.has_remote_id == i.has_remote_id && span_equal(again.remote_id, i.remote_id));
	ASSERT(again.has_subscriber_id == i.has_subscriber_id &&
	       span_equal(again.subscriber_id, i.subscriber_id));
	ASSERT(again.link_selection == i.link_selection && again.flags == i.flags &&
	       again.server_id_override == i.server_id_override);
}

static void check_same_options(void)
{
	for (unsigned code = 1; code < DHCP_OPT_END; code++) {
		if (code == DHCP_OPT_RELAY_AGENT_INFORMATION)
			continue;
		ASSERT(dhcp_message_has(&m, (uint8_t)code) ==
		       dhcp_message_has(&back, (uint8_t)code));
		ASSERT(span_equal(dhcp_message_option(&m, (uint8_t)code),
				  dhcp_message_option(&back, (uint8_t)code)));
	}
}

static void check_message(struct span wire)
{
	if (dhcp_message_read(wire, &m) || !m.cookie)
		return;
	static const uint8_t option[] = {1, 4, 'e', 't', 'h', '0'};
	struct writer w = writer_of(out, sizeof(out)), s = writer_of(stripped, sizeof(stripped));
	ASSERT(dhcp_relay_copy_with(&m, 9, 7, span_of(option, sizeof(option)), &w) == OK);
	if (w.pos <= DHCP_MESSAGE_MAX && dhcp_message_read(writer_span(&w), &back) == OK) {
		ASSERT(back.head.hops == 9 && back.head.giaddr == 7);
		ASSERT(dhcp_message_has(&back, DHCP_OPT_RELAY_AGENT_INFORMATION));
		check_same_options();
	}
	ASSERT(dhcp_relay_copy_with(&m, 9, 7, (struct span){0}, &s) == OK);
	if (s.pos <= DHCP_MESSAGE_MAX && dhcp_message_read(writer_span(&s), &back) == OK)
		check_same_options();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_option(span_of(data, size));
	check_message(span_of(data, size));
	return 0;
}
