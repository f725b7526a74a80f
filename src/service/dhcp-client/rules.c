/* From the configuration to the rules of an uplink's engine. */
#include "proto/dhcp/fqdn.h"
#include "proto/dhcp/identity.h"
#include "proto/dhcp/option.h"
#include "service/dhcp-client/conf.h"

static struct span text_of(const char *text)
{
	return text ? span_text(text) : (struct span){0};
}

/* The names were judged with the configuration. */
static size_t fill_request(const struct config_list *list, uint8_t ret[UPLINK_OPTIONS_MAX])
{
	const char *const *names = list->items;
	size_t n = 0;
	for (size_t i = 0; i < list->n && n < UPLINK_OPTIONS_MAX; i++) {
		const struct dhcp_option_info *info = dhcp_option_by_name(span_text(names[i]));
		uint64_t number = 0;
		if (!info && !span_to_u64(span_text(names[i]), UINT8_MAX, &number))
			continue;
		ret[n++] = info ? info->code : (uint8_t)number;
	}
	return n;
}

uint32_t client_iaid(const uint8_t mac[IP_MAC_LEN])
{
	/* RFC 4361 6.1: it must not change while the link is the same, which the end of its address
	 * promises better than its number. */
	return (uint32_t)mac[2] << 24 | (uint32_t)mac[3] << 16 | (uint32_t)mac[4] << 8 | mac[5];
}

static struct span fill_identity(const struct client_uplink_conf *conf,
				 const uint8_t mac[IP_MAC_LEN], struct span duid, uint8_t *room)
{
	struct writer w = writer_of(room, UPLINK_IDENTITY_MAX);
	if (conf->identity == CLIENT_IDENTITY_DUID)
		dhcp_client_id_write_duid(&w, client_iaid(mac), duid);
	else
		dhcp_client_id_write_hardware(&w, DHCP_HTYPE_ETHERNET, span_of(mac, IP_MAC_LEN));
	return writer_span(&w);
}

static struct span fill_fqdn(const struct dns_name *name, uint8_t *room, size_t cap)
{
	struct writer w = writer_of(room, cap);
	struct dhcp_fqdn fqdn = {.flags = DHCP_FQDN_S | DHCP_FQDN_E, .name = *name};
	if (name->len)
		dhcp_fqdn_write(&w, &fqdn);
	/* RFC 4702 2.2: a client sends 0 in both RCODE fields. */
	for (size_t i = 1; i < w.pos && i < 3; i++)
		room[i] = 0;
	return writer_span(&w);
}

void client_rules_fill(const struct client_uplink_conf *c, const uint8_t mac[IP_MAC_LEN],
		       struct span duid, struct client_rules *ret)
{
	const struct client_probing_conf *p = &c->probing;
	size_t request_n = fill_request(&c->request, ret->request);
	ret->rules =
		(struct uplink_rules){.client_id = fill_identity(c, mac, duid, ret->client_id),
				      .request = ret->request,
				      .request_n = request_n,
				      .host_name = text_of(c->host_name),
				      .fqdn = fill_fqdn(&c->fqdn, ret->fqdn, sizeof(ret->fqdn)),
				      .vendor_class = text_of(c->vendor_class),
				      .servers_allowed = c->servers_allowed.items,
				      .servers_allowed_n = c->servers_allowed.n,
				      .addresses_allowed = c->addresses_allowed.items,
				      .addresses_allowed_n = c->addresses_allowed.n,
				      .addresses_refused = c->addresses_refused.items,
				      .addresses_refused_n = c->addresses_refused.n,
				      .lease_s = (uint32_t)(c->lease_ms / 1000),
				      .start_delay_ms = (uint32_t)c->start_delay_ms,
				      .offer_wait_ms = (uint32_t)c->offer_wait_ms,
				      .message_max = (uint16_t)c->message_max,
				      .broadcast = c->broadcast,
				      .rapid_commit = c->rapid_commit,
				      .force_renew = c->force_renew,
				      .ipv6_only = c->ipv6_only,
				      .keep_unconfirmed = c->keep_unconfirmed,
				      .probing = {.probes = p->probes,
						  .wait_ms = (uint32_t)p->wait_ms,
						  .min_ms = (uint32_t)p->min_ms,
						  .max_ms = (uint32_t)p->max_ms,
						  .settle_ms = (uint32_t)p->settle_ms}};
}
