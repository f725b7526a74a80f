/* Zones of a configuration, and the texts that say who. */
#include "service/nat/conf.h"

static bool list_has(const struct config_list *list, const char *word)
{
	const char *const *items = list->items;
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(items[i], word) == 0)
			return true;
	return false;
}

/* The number of zones[at]: `inside` has its own, the others follow it in their order. */
static unsigned zone_number(const struct nat_conf *c, size_t at)
{
	const struct nat_zone_conf *zones = c->zones.items;
	unsigned number = NAT_ZONE_INSIDE;
	if (strcmp(zones[at].name, "inside") == 0)
		return number;
	for (size_t i = 0; i <= at; i++)
		number += strcmp(zones[i].name, "inside") != 0;
	return number;
}

int nat_conf_zone(const struct nat_conf *c, struct span name)
{
	const struct nat_zone_conf *zones = c->zones.items;
	if (span_is(name, "gateway"))
		return NAT_ZONE_GATEWAY;
	if (span_is(name, "outside"))
		return NAT_ZONE_OUTSIDE;
	if (span_is(name, "inside"))
		return NAT_ZONE_INSIDE;
	for (size_t i = 0; i < c->zones.n; i++)
		if (span_is(name, zones[i].name))
			return (int)zone_number(c, i);
	return -1;
}

const char *nat_conf_zone_name(const struct nat_conf *c, unsigned zone)
{
	static const char *const fixed[] = {"gateway", "outside", "inside"};
	const struct nat_zone_conf *zones = c->zones.items;
	if (zone < sizeof(fixed) / sizeof(fixed[0]))
		return fixed[zone];
	for (size_t i = 0; i < c->zones.n; i++)
		if (zone_number(c, i) == zone)
			return zones[i].name;
	return NULL;
}

int nat_conf_interface_zone(const struct nat_conf *c, const char *interface)
{
	const struct nat_zone_conf *zones = c->zones.items;
	if (list_has(&c->outside, interface))
		return NAT_ZONE_OUTSIDE;
	if (list_has(&c->inside, interface))
		return NAT_ZONE_INSIDE;
	for (size_t i = 0; i < c->zones.n; i++)
		if (list_has(&zones[i].interfaces, interface))
			return (int)zone_number(c, i);
	return -1;
}

uint32_t nat_conf_zones_inside(const struct nat_conf *c)
{
	uint32_t bits = UINT32_C(1) << NAT_ZONE_INSIDE;
	for (size_t i = 0; i < c->zones.n; i++)
		bits |= UINT32_C(1) << zone_number(c, i);
	return bits;
}

/* Letters, digits, hyphens, underscores: what hosts are called; and not only digits and dots, which
 * is an address with a slip in it. */
static bool is_host_name(struct span text)
{
	bool letter = false;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t o = text.data[i];
		bool alpha = (o >= 'a' && o <= 'z') || (o >= 'A' && o <= 'Z') || o == '_';
		letter |= alpha;
		if (!alpha && !(o >= '0' && o <= '9') && o != '-' && o != '.')
			return false;
	}
	return letter;
}

static enum err name_parse(const struct nat_conf *c, struct span text, struct dns_name *ret)
{
	bool single = span_find(text, '.') == text.len;
	if (!is_host_name(text))
		return ERR_FORMAT;
	return dns_name_from_text(text, single && c->domain.len ? &c->domain : NULL, ret)
		       ? ERR_FORMAT
		       : OK;
}

enum err nat_who_parse(const struct nat_conf *c, struct span text, struct nat_who *ret)
{
	struct nat_who who = {.kind = NAT_WHO_ZONE};
	int zone = nat_conf_zone(c, text);
	if (zone >= 0) {
		who.zone = (unsigned)zone;
		*ret = who;
		return OK;
	}
	who.kind = NAT_WHO_PREFIX;
	enum err e = ip_prefix_parse(text, &who.prefix);
	if (e == ERR_FORMAT) {
		who.kind = NAT_WHO_NAME;
		e = name_parse(c, text, &who.name);
	}
	if (!e)
		*ret = who;
	return e;
}

enum err nat_target_parse(const struct nat_conf *c, struct span text, struct nat_who *ret,
			  uint16_t *ret_port)
{
	struct ip_address v6;
	struct nat_who who;
	uint16_t port = 0, last;
	size_t colon = span_find(text, ':');
	if (ip_address_parse(text, &v6) == OK && v6.family == 6)
		return ERR_UNSUPPORTED;
	if (colon < text.len) {
		TRY(nat_ports_parse(span_sub(text, colon + 1, text.len), &port, &last));
		if (last != port)
			return ERR_FORMAT;
	}
	TRY(nat_who_parse(c, span_sub(text, 0, colon), &who));
	if (who.kind == NAT_WHO_ZONE)
		return ERR_UNSUPPORTED;
	if (who.kind == NAT_WHO_PREFIX && who.prefix.bits != 32)
		return who.prefix.address.family == 6 ? ERR_UNSUPPORTED : ERR_FORMAT;
	*ret = who;
	*ret_port = port;
	return OK;
}
