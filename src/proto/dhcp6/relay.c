#include "proto/dhcp6/relay.h"

#include "base/reader.h"
#include "base/writer.h"
#include "proto/dhcp6/message.h"

static struct ip_address read_address(struct reader *r)
{
	struct ip_address a = {.family = 6};
	read_bytes(r, a.bytes, 16);
	return a;
}

/* The first of its kind counts. */
static void keep(struct span *into, struct span body)
{
	if (!into->data)
		*into = body;
}

static enum err note(const struct dhcp6_option *o, struct dhcp6_relay *relay)
{
	switch (o->code) {
	case DHCP6_OPT_RELAY_MSG: keep(&relay->message, o->body); return OK;
	case DHCP6_OPT_INTERFACE_ID: keep(&relay->interface_id, o->body); return OK;
	case DHCP6_OPT_REMOTE_ID:
		keep(&relay->remote_id, o->body);
		return o->body.len >= 4 ? OK : ERR_FORMAT;
	case DHCP6_OPT_SUBSCRIBER_ID: keep(&relay->subscriber_id, o->body); return OK;
	case DHCP6_OPT_CLIENT_LINKLAYER_ADDR:
		keep(&relay->link_layer, o->body);
		return o->body.len >= 2 ? OK : ERR_FORMAT;
	case DHCP6_OPT_ERO: keep(&relay->ero, o->body); return o->body.len % 2 ? ERR_FORMAT : OK;
	default: return OK;
	}
}

enum err dhcp6_relay_read(struct span wire, struct dhcp6_relay *ret)
{
	struct reader r = reader_of_span(wire);
	struct dhcp6_relay relay = {.type = read_u8(&r)};
	struct dhcp6_option o;
	relay.hop_count = read_u8(&r);
	if (relay.type != DHCP6_RELAY_FORW && relay.type != DHCP6_RELAY_REPL)
		return r.bad ? ERR_FORMAT : ERR_UNSUPPORTED;
	relay.link = read_address(&r);
	relay.peer = read_address(&r);
	TRY(reader_check(&r));
	relay.options = span_sub(wire, r.pos, reader_left(&r));
	for (unsigned n = 0; dhcp6_option_next(&r, &o); n++) {
		if (n == DHCP6_OPTIONS_MAX)
			return ERR_LIMIT;
		TRY(note(&o, &relay));
	}
	TRY(reader_end(&r));
	if (relay.message.len == 0)
		return ERR_FORMAT; /* RFC 8415 9.1: "MUST include a Relay Message option" */
	*ret = relay;
	return OK;
}

enum err dhcp6_relays_read(struct span wire, struct dhcp6_relays *ret)
{
	struct dhcp6_relays relays = {.message = wire};
	while (relays.message.len && relays.message.data[0] == DHCP6_RELAY_FORW) {
		if (relays.n == DHCP6_RELAYS_MAX)
			return ERR_LIMIT;
		struct dhcp6_relay *relay = &relays.at[relays.n];
		TRY(dhcp6_relay_read(relays.message, relay));
		relays.message = relay->message;
		relays.n++;
	}
	if (relays.message.len && relays.message.data[0] == DHCP6_RELAY_REPL)
		return ERR_UNSUPPORTED;
	*ret = relays;
	return OK;
}

void dhcp6_write_relay_header(struct writer *w, uint8_t type, uint8_t hop_count,
			      const struct ip_address *link, const struct ip_address *peer)
{
	write_u8(w, type);
	write_u8(w, hop_count);
	write_bytes(w, link->bytes, 16);
	write_bytes(w, peer->bytes, 16);
}

/* RFC 4994 4: "the server MUST copy each option's value from the Relay-forward"; those that it
 * writes anyway, and the message itself, are not copied twice. */
static void write_echoed(struct writer *w, const struct dhcp6_relay *relay)
{
	struct reader r = reader_of_span(relay->options);
	struct dhcp6_option o;
	while (relay->ero.len && dhcp6_option_next(&r, &o))
		if (o.code != DHCP6_OPT_INTERFACE_ID && o.code != DHCP6_OPT_RELAY_MSG &&
		    o.code != DHCP6_OPT_ERO && dhcp6_oro_has(relay->ero, o.code))
			dhcp6_write_option(w, o.code, o.body);
}

void dhcp6_relays_begin(struct writer *w, const struct dhcp6_relays *relays,
			struct dhcp6_relay_marks *ret)
{
	for (unsigned i = 0; i < relays->n; i++) {
		const struct dhcp6_relay *relay = &relays->at[i];
		dhcp6_write_relay_header(w, DHCP6_RELAY_REPL, relay->hop_count, &relay->link,
					 &relay->peer);
		if (relay->interface_id.data)
			dhcp6_write_option(w, DHCP6_OPT_INTERFACE_ID, relay->interface_id);
		write_echoed(w, relay);
		ret->at[i] = dhcp6_option_begin(w, DHCP6_OPT_RELAY_MSG);
	}
}

void dhcp6_relays_end(struct writer *w, const struct dhcp6_relays *relays,
		      const struct dhcp6_relay_marks *marks)
{
	for (unsigned i = relays->n; i > 0; i--)
		dhcp6_option_end(w, marks->at[i - 1]);
}

bool dhcp6_relay_link_layer(const struct dhcp6_relay *r, uint16_t *ret_hardware,
			    struct span *ret_address)
{
	struct reader body = reader_of_span(r->link_layer);
	uint16_t hardware = read_u16(&body);
	if (body.bad || reader_left(&body) < 1 || reader_left(&body) > 20)
		return false;
	*ret_hardware = hardware;
	*ret_address = read_span(&body, reader_left(&body));
	return true;
}
