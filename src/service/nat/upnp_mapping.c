#include "base/writer.h"
#include "proto/upnp/soap.h"
#include "service/nat/portctl.h"
#include "service/nat/upnp_wan.h"

enum { ENTRY_MAX = 2048 /* octets of an entry in a list, at most */ };

/* --- arguments --- */

static bool number_of(const struct upnp_turn *t, const char *name, uint64_t max, uint64_t *ret)
{
	return span_to_u64(span_trim(span_text(soap_call_argument(t->call, name))), max, ret);
}

static bool port_of(const struct upnp_turn *t, const char *name, uint16_t *ret)
{
	uint64_t port;
	if (!number_of(t, name, UINT16_MAX, &port))
		return false;
	*ret = (uint16_t)port;
	return true;
}

static bool protocol_of(const struct upnp_turn *t, uint8_t *ret)
{
	struct span text = span_trim(span_text(soap_call_argument(t->call, "NewProtocol")));
	bool tcp = span_equal_nocase(text, span_text("TCP"));
	*ret = tcp ? PORTCTL_TCP : PORTCTL_UDP;
	return tcp || span_equal_nocase(text, span_text("UDP"));
}

static bool bool_of(const struct upnp_turn *t, const char *name, bool *ret)
{
	struct span text = span_trim(span_text(soap_call_argument(t->call, name)));
	bool yes = span_is(text, "1") || span_equal_nocase(text, span_text("true")) ||
		   span_equal_nocase(text, span_text("yes"));
	*ret = yes;
	return yes || span_is(text, "0") || span_equal_nocase(text, span_text("false")) ||
	       span_equal_nocase(text, span_text("no"));
}

/* An empty text, and 0.0.0.0 with some, is everybody. */
static bool remote_of(const struct upnp_turn *t, struct portctl_filter *ret, size_t *ret_n)
{
	struct span text = span_trim(span_text(soap_call_argument(t->call, "NewRemoteHost")));
	struct ip_address a;
	*ret_n = 0;
	if (text.len == 0)
		return true;
	if (ip_address_parse(text, &a) || a.family != 4)
		return false;
	if (ip_address_is_unspecified(&a))
		return true;
	*ret = (struct portctl_filter){.remote = ip_prefix_of(&a, 32)};
	*ret_n = 1;
	return true;
}

/* As much of it as fits, without half a character at the end. */
static struct span description_of(const struct upnp_turn *t)
{
	struct span s = span_text(soap_call_argument(t->call, "NewPortMappingDescription"));
	size_t len = s.len;
	if (len > PORTCTL_TEXT_MAX)
		for (len = PORTCTL_TEXT_MAX; len && (s.data[len] & 0xc0) == 0x80;)
			len--;
	return span_sub(s, 0, len);
}

/* --- the caller's own mappings --- */

static bool is_shown(const struct portctl_mapping *m)
{
	return m->external.address.family == 4 && !m->remote.address.family;
}

static const struct portctl_mapping *next_own(const struct upnp_turn *t,
					      const struct portctl_mapping *before)
{
	const struct portctl_mapping *m = before;
	do
		m = portctl_of_host(t->upnp->list, &t->request->client.address, m);
	while (m && !is_shown(m));
	return m;
}

static const struct portctl_mapping *own_at(const struct upnp_turn *t, uint8_t protocol,
					    uint16_t external_port)
{
	const struct portctl_mapping *m = NULL;
	while ((m = next_own(t, m)))
		if (m->protocol == protocol && m->external.port == external_port)
			return m;
	return NULL;
}

static struct portctl_ask ask_for(const struct upnp_turn *t, uint8_t protocol, uint16_t internal)
{
	return (struct portctl_ask){
		.origin = PORTCTL_UPNP,
		.zone = t->request->zone,
		.protocol = protocol,
		.internal = {.address = t->request->client.address, .port = internal},
		.wanted = {.address = {.family = 4}},
	};
}

static bool close_own(struct upnp_turn *t, const struct portctl_mapping *m)
{
	struct portctl_ask ask = ask_for(t, m->protocol, m->internal.port);
	return portctl_close(t->upnp->list, t->now_ms, &ask, &m) == PORTCTL_DONE;
}

/* --- adding --- */

static enum upnp_fault fault_of(enum portctl_verdict verdict)
{
	switch (verdict) {
	case PORTCTL_DONE: return UPNP_OK;
	case PORTCTL_FORBIDDEN: return UPNP_NOT_AUTHORIZED;
	case PORTCTL_FOREIGN: return UPNP_OTHER_MECHANISM;
	case PORTCTL_TAKEN: return UPNP_CONFLICT;
	case PORTCTL_HOST_FULL:
	case PORTCTL_FULL:
	case PORTCTL_PEERS_FULL: return UPNP_NO_MAPS;
	default: return UPNP_ACTION_FAILED;
	}
}

/* What can be said without the list. WANIPConnection:2 2.5.16: who is not authorised may have
 * mappings to itself only. */
static enum upnp_fault ask_read(const struct upnp_turn *t, struct portctl_ask *ask,
				struct portctl_filter *room)
{
	struct ip_address client;
	uint16_t external, internal;
	uint8_t protocol;
	uint64_t lease_s;
	bool enabled;
	struct span text = span_text(soap_call_argument(t->call, "NewInternalClient"));
	if (!port_of(t, "NewExternalPort", &external) ||
	    !port_of(t, "NewInternalPort", &internal) || !protocol_of(t, &protocol) ||
	    !bool_of(t, "NewEnabled", &enabled) || !enabled ||
	    !number_of(t, "NewLeaseDuration", UINT32_MAX, &lease_s) ||
	    ip_address_parse(span_trim(text), &client))
		return UPNP_INVALID_ARGUMENTS;
	if (internal == 0)
		return UPNP_WILDCARD_INTERNAL;
	if (!ip_address_equal(&client, &t->request->client.address))
		return UPNP_NOT_AUTHORIZED;
	*ask = ask_for(t, protocol, internal);
	if (!remote_of(t, room, &ask->filters_n))
		return UPNP_INVALID_ARGUMENTS;
	ask->filters = room;
	ask->filters_clear = true;
	ask->wanted.port = external;
	ask->lifetime_s = (uint32_t)lease_s;
	ask->description = description_of(t);
	return UPNP_OK;
}

/* WANIPConnection:2 2.5.16: a host's own mapping at that port is overwritten. One endpoint inside
 * has one port outside, so that another one there gives way as well. */
static void give_way(struct upnp_turn *t, const struct portctl_ask *ask)
{
	const struct portctl_mapping *at = own_at(t, ask->protocol, ask->wanted.port);
	if (at && at->internal.port != ask->internal.port)
		(void)close_own(t, at);
	const struct portctl_mapping *inside =
		portctl_find(t->upnp->list, ask->protocol, &ask->internal, NULL);
	if (inside && inside->external.port != ask->wanted.port)
		(void)close_own(t, inside);
}

enum upnp_fault upnp_add(struct upnp_turn *t)
{
	struct portctl_filter filter;
	struct portctl_ask ask;
	const struct portctl_mapping *m;
	enum upnp_fault fault = ask_read(t, &ask, &filter);
	if (fault)
		return fault;
	if (ask.wanted.port == 0)
		return UPNP_WILDCARD_EXTERNAL;
	ask.exact = true;
	give_way(t, &ask);
	return fault_of(portctl_open(t->upnp->list, t->now_ms, &ask, &m));
}

enum upnp_fault upnp_add_any(struct upnp_turn *t)
{
	struct portctl_filter filter;
	struct portctl_ask ask;
	const struct portctl_mapping *m = NULL;
	enum upnp_fault fault = ask_read(t, &ask, &filter);
	if (!fault)
		fault = fault_of(portctl_open(t->upnp->list, t->now_ms, &ask, &m));
	if (!fault)
		upnp_put_number(t, "NewReservedPort", m->external.port);
	return fault;
}

/* --- deleting --- */

enum upnp_fault upnp_delete(struct upnp_turn *t)
{
	uint16_t port;
	uint8_t protocol;
	if (!port_of(t, "NewExternalPort", &port) || !protocol_of(t, &protocol))
		return UPNP_INVALID_ARGUMENTS;
	const struct portctl_mapping *m = own_at(t, protocol, port);
	if (!m)
		return UPNP_NO_SUCH_ENTRY;
	return close_own(t, m) ? UPNP_OK : UPNP_NOT_AUTHORIZED;
}

/* First and last port and the protocol of a range. NewManage would reach for others' mappings,
 * which nobody may whom no administrator has authorised: it changes nothing here. */
static enum upnp_fault range_read(const struct upnp_turn *t, uint16_t *ret_first,
				  uint16_t *ret_last, uint8_t *ret_protocol)
{
	bool manage;
	if (!port_of(t, "NewStartPort", ret_first) || !port_of(t, "NewEndPort", ret_last) ||
	    !protocol_of(t, ret_protocol) || !bool_of(t, "NewManage", &manage))
		return UPNP_INVALID_ARGUMENTS;
	return *ret_first > *ret_last ? UPNP_INCONSISTENT : UPNP_OK;
}

enum upnp_fault upnp_delete_range(struct upnp_turn *t)
{
	uint16_t first, last;
	uint8_t protocol;
	size_t n = 0;
	enum upnp_fault fault = range_read(t, &first, &last, &protocol);
	if (fault)
		return fault;
	for (const struct portctl_mapping *m = next_own(t, NULL), *next; m; m = next) {
		next = next_own(t, m);
		if (m->protocol == protocol && m->external.port >= first &&
		    m->external.port <= last && close_own(t, m))
			n++;
	}
	return n ? UPNP_OK : UPNP_NOT_FOUND;
}

/* --- telling --- */

static const char *protocol_name(const struct portctl_mapping *m)
{
	return m->protocol == PORTCTL_TCP ? "TCP" : "UDP";
}

/* "" for everybody. */
static void remote_text(const struct portctl_mapping *m, char ret[IP_ADDRESS_TEXT_MAX])
{
	ret[0] = 0;
	if (m->filters_n)
		ip_address_format(&m->filters[0].remote.address, ret);
}

static void put_where(struct upnp_turn *t, const struct portctl_mapping *m)
{
	char remote[IP_ADDRESS_TEXT_MAX];
	remote_text(m, remote);
	upnp_put(t, "NewRemoteHost", remote);
	upnp_put_number(t, "NewExternalPort", m->external.port);
	upnp_put(t, "NewProtocol", protocol_name(m));
}

static void put_what(struct upnp_turn *t, const struct portctl_mapping *m)
{
	char client[IP_ADDRESS_TEXT_MAX];
	ip_address_format(&m->internal.address, client);
	upnp_put_number(t, "NewInternalPort", m->internal.port);
	upnp_put(t, "NewInternalClient", client);
	upnp_put(t, "NewEnabled", "1");
	upnp_put(t, "NewPortMappingDescription", m->description);
	upnp_put_number(t, "NewLeaseDuration", portctl_left_s(m, t->now_ms));
}

enum upnp_fault upnp_get_generic(struct upnp_turn *t)
{
	uint64_t index;
	const struct portctl_mapping *m = NULL;
	if (!number_of(t, "NewPortMappingIndex", UINT16_MAX, &index))
		return UPNP_INVALID_ARGUMENTS;
	do
		m = next_own(t, m);
	while (m && index-- > 0);
	if (!m)
		return UPNP_INDEX_INVALID;
	put_where(t, m);
	put_what(t, m);
	return UPNP_OK;
}

enum upnp_fault upnp_get_specific(struct upnp_turn *t)
{
	uint16_t port;
	uint8_t protocol;
	if (!port_of(t, "NewExternalPort", &port) || !protocol_of(t, &protocol))
		return UPNP_INVALID_ARGUMENTS;
	const struct portctl_mapping *m = own_at(t, protocol, port);
	if (!m)
		return UPNP_NO_SUCH_ENTRY;
	put_what(t, m);
	return UPNP_OK;
}

/* A list is XML inside of a value. It stands in CDATA, as control points expect; `]]>` cannot be in
 * it, since `>` is written as a reference. */
static void list_text(struct writer *w, const char *name, const char *value)
{
	write_format(w, "<p:%s>", name);
	xml_write_text(w, span_text(value));
	write_format(w, "</p:%s>", name);
}

static void list_number(struct writer *w, const char *name, uint32_t value)
{
	write_format(w, "<p:%s>%u</p:%s>", name, value, name);
}

static void list_entry(struct writer *w, const struct portctl_mapping *m, uint64_t now_ms)
{
	char text[IP_ADDRESS_TEXT_MAX];
	write_text(w, "<p:PortMappingEntry>");
	remote_text(m, text);
	list_text(w, "NewRemoteHost", text);
	list_number(w, "NewExternalPort", m->external.port);
	list_text(w, "NewProtocol", protocol_name(m));
	list_number(w, "NewInternalPort", m->internal.port);
	ip_address_format(&m->internal.address, text);
	list_text(w, "NewInternalClient", text);
	list_number(w, "NewEnabled", 1);
	list_text(w, "NewDescription", m->description);
	list_number(w, "NewLeaseTime", portctl_left_s(m, now_ms));
	write_text(w, "</p:PortMappingEntry>");
}

enum upnp_fault upnp_get_list(struct upnp_turn *t)
{
	uint16_t first, last;
	uint8_t protocol;
	uint64_t max, n = 0;
	enum upnp_fault fault = range_read(t, &first, &last, &protocol);
	if (fault)
		return fault;
	if (!number_of(t, "NewNumberOfPorts", UINT16_MAX, &max))
		return UPNP_INVALID_ARGUMENTS;
	write_text(t->out, "<NewPortListing><![CDATA[<p:PortMappingList "
			   "xmlns:p=\"urn:schemas-upnp-org:gw:WANIPConnection\">");
	for (const struct portctl_mapping *m = NULL; (m = next_own(t, m));) {
		/* 0 is all; what does not fit is left out, as a long list may be. */
		if ((max && n == max) || writer_left(t->out) < ENTRY_MAX)
			break;
		if (m->protocol != protocol || m->external.port < first || m->external.port > last)
			continue;
		list_entry(t->out, m, t->now_ms);
		n++;
	}
	write_text(t->out, "</p:PortMappingList>]]></NewPortListing>");
	return n ? UPNP_OK : UPNP_NOT_FOUND;
}
