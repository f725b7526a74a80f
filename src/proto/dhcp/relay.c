#include "proto/dhcp/relay.h"

#include "base/reader.h"
#include "proto/dhcp/suboption.h"

/* The first of a repeated suboption counts. */
static void take_span(struct span value, bool *has, struct span *ret)
{
	if (*has)
		return;
	*has = true;
	*ret = value;
}

static void take_address(struct span value, bool *has, uint32_t *ret)
{
	struct reader r = reader_of_span(value);
	uint32_t address = read_u32(&r);
	if (*has)
		return;
	*has = true;
	*ret = address;
}

static enum err take(struct dhcp_relay_info *i, const struct dhcp_suboption *s)
{
	switch (s->code) {
	case DHCP_RELAY_CIRCUIT_ID: take_span(s->value, &i->has_circuit_id, &i->circuit_id); break;
	case DHCP_RELAY_REMOTE_ID: take_span(s->value, &i->has_remote_id, &i->remote_id); break;
	case DHCP_RELAY_SUBSCRIBER_ID:
		take_span(s->value, &i->has_subscriber_id, &i->subscriber_id);
		break;
	case DHCP_RELAY_LINK_SELECTION:
		if (s->value.len != 4)
			return ERR_FORMAT; /* RFC 3527 3 */
		take_address(s->value, &i->has_link_selection, &i->link_selection);
		break;
	case DHCP_RELAY_SERVER_ID_OVERRIDE:
		if (s->value.len != 4)
			return ERR_FORMAT; /* RFC 5107 4 */
		take_address(s->value, &i->has_server_id_override, &i->server_id_override);
		break;
	case DHCP_RELAY_FLAGS:
		if (s->value.len != 1)
			return ERR_FORMAT; /* RFC 5010 3 */
		if (!i->has_flags)
			i->flags = s->value.data[0];
		i->has_flags = true;
		break;
	default: break;
	}
	return OK;
}

enum err dhcp_relay_info_read(struct span option, struct dhcp_relay_info *ret)
{
	struct dhcp_relay_info i = {.whole = option};
	struct reader r = reader_of_span(option);
	struct dhcp_suboption s;
	while (dhcp_suboption_next(&r, &s))
		TRY(take(&i, &s));
	TRY(reader_end(&r));
	*ret = i;
	return OK;
}

static void write_address(struct writer *w, uint8_t code, uint32_t address)
{
	uint8_t wire[4];
	put_u32(wire, address);
	dhcp_suboption_write(w, code, span_of(wire, sizeof(wire)));
}

void dhcp_relay_info_write(struct writer *w, const struct dhcp_relay_info *i)
{
	if (i->has_circuit_id)
		dhcp_suboption_write(w, DHCP_RELAY_CIRCUIT_ID, i->circuit_id);
	if (i->has_remote_id)
		dhcp_suboption_write(w, DHCP_RELAY_REMOTE_ID, i->remote_id);
	if (i->has_link_selection)
		write_address(w, DHCP_RELAY_LINK_SELECTION, i->link_selection);
	if (i->has_subscriber_id)
		dhcp_suboption_write(w, DHCP_RELAY_SUBSCRIBER_ID, i->subscriber_id);
	if (i->has_flags)
		dhcp_suboption_write(w, DHCP_RELAY_FLAGS, span_of(&i->flags, 1));
	if (i->has_server_id_override)
		write_address(w, DHCP_RELAY_SERVER_ID_OVERRIDE, i->server_id_override);
}
