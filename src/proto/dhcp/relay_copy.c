#include "base/reader.h"
#include "proto/dhcp/build.h"
#include "proto/dhcp/message.h"
#include "proto/dhcp/relay.h"
#include "proto/dhcp/suboption.h"

enum { HOPS_AT = 3, GIADDR_AT = 24 };

/* The options field without option 82, up to END, octet for octet (PAD too: somebody may have
 * signed it). The walk ends with the field, which dhcp_message_read has found right. */
static void copy_options(struct reader r, struct writer *w)
{
	while (reader_left(&r)) {
		uint8_t code = read_u8(&r);
		if (code == DHCP_OPT_END)
			return;
		if (code == DHCP_OPT_PAD) {
			write_u8(w, code);
			continue;
		}
		uint8_t len = read_u8(&r);
		struct span value = read_span(&r, len);
		if (code != DHCP_OPT_RELAY_AGENT_INFORMATION)
			dhcp_suboption_write(w, code, value);
	}
}

/* Pads what was written since start, and puts the two fields that a relay sets. */
static enum err close_copy(struct writer *w, size_t start, uint8_t hops, uint32_t giaddr)
{
	while (w->pos - start < DHCP_PADDED_LEN && !w->bad)
		write_u8(w, DHCP_OPT_PAD);
	TRY(writer_check(w));
	w->data[start + HOPS_AT] = hops;
	put_u32(w->data + start + GIADDR_AT, giaddr);
	return OK;
}

enum err dhcp_relay_copy(const struct dhcp_message *m, uint8_t hops, uint32_t giaddr,
			 struct writer *w)
{
	size_t start = w->pos;
	write_span(w, m->wire);
	return close_copy(w, start, hops, giaddr);
}

enum err dhcp_relay_copy_with(const struct dhcp_message *m, uint8_t hops, uint32_t giaddr,
			      struct span option, struct writer *w)
{
	ASSERT(m->cookie);
	if (option.len > DHCP_RELAY_INFO_MAX)
		return ERR_LIMIT;
	size_t start = w->pos;
	struct reader r = reader_of_span(m->wire);
	write_span(w, read_span(&r, DHCP_OPTIONS_AT));
	copy_options(r, w);
	if (option.len)
		dhcp_suboption_write(w, DHCP_OPT_RELAY_AGENT_INFORMATION, option);
	write_u8(w, DHCP_OPT_END);
	return close_copy(w, start, hops, giaddr);
}
