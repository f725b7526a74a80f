#include "service/dhcp/class.h"

#include "base/arena.h"
#include "base/reader.h"
#include "proto/dhcp/message.h"
#include "proto/dhcp/relay.h"
#include "proto/dhcp/suboption.h"
#include "service/dhcp/arch.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/pattern.h"
#include "service/dhcp/site.h"

enum { MAC_LEN = 6, MAC_PREFIXES_MAX = 1 << 20 };

MUST static enum err compile(const struct config_list *texts, struct arena *a,
			     struct dhcp_class_patterns *ret)
{
	const char *const *t = texts->items;
	struct dhcp_pattern *p = ARENA_ARRAY(a, struct dhcp_pattern, texts->n);

	if (!p)
		return ENOMEM;
	for (size_t i = 0; i < texts->n; i++)
		TRY(dhcp_pattern_compile(t[i], a, &p[i]));
	*ret = (struct dhcp_class_patterns){.items = p, .n = texts->n};
	return OK;
}

MUST static enum err compile_architectures(const struct config_list *words, struct arena *a,
					   struct dhcp_class_match *m)
{
	const char *const *w = words->items;
	uint16_t *all = ARENA_ARRAY(a, uint16_t, words->n * DHCP_ARCH_NUMBERS_MAX);
	size_t n;

	if (!all)
		return ENOMEM;
	for (size_t i = 0; i < words->n; i++) {
		TRY(dhcp_arch_parse(span_text(w[i]), &all[m->architectures_n], &n));
		m->architectures_n += n;
	}
	m->architectures = all;
	return OK;
}

MUST static enum err add_macs(struct dhcp_classes *c, const struct config_list *texts, uint64_t bit,
			      struct arena *a)
{
	const char *const *t = texts->items;
	struct dhcp_mac_prefix mac;

	for (size_t i = 0; i < texts->n; i++) {
		TRY(dhcp_mac_prefix_parse(span_text(t[i]), &mac));
		unsigned bits = 8U * mac.octets_n;
		uint64_t *value = prefix_trie_find_exact(&c->macs, mac.octets, bits);
		if (!value) {
			value = ARENA_NEW(a, uint64_t);
			if (!value)
				return ENOMEM;
			TRY(prefix_trie_insert(&c->macs, mac.octets, bits, value));
		}
		*value |= bit;
	}
	c->by_mac |= texts->n ? bit : 0;
	return OK;
}

/* The prefixes that the walk is inside of, by their octets. */
struct lineage {
	struct {
		uint8_t octets[MAC_LEN];
		uint64_t classes;
		bool there;
	} at[MAC_LEN + 1];
};

/* The longest prefix is what a lookup finds: it has to know the classes of all shorter ones. The
 * shorter come first. */
static bool inherit(const uint8_t *prefix, unsigned bits, void *value, void *arg)
{
	struct lineage *l = arg;
	uint64_t *classes = value;
	unsigned n = bits / 8;

	for (unsigned k = 1; k < n; k++) {
		if (l->at[k].there && memcmp(l->at[k].octets, prefix, k) == 0)
			*classes |= l->at[k].classes;
	}
	memcpy(l->at[n].octets, prefix, MAC_LEN);
	l->at[n].classes = *classes;
	l->at[n].there = true;
	return true;
}

MUST static enum err add_class(struct dhcp_classes *c, const struct dhcp_match_conf *conf,
			       struct dhcp_class_match *m, struct arena *a)
{
	uint64_t bit = 1ULL << c->n;

	TRY(compile(&conf->vendor_class, a, &m->vendor_class));
	TRY(compile(&conf->user_class, a, &m->user_class));
	TRY(compile(&conf->client_id, a, &m->client_id));
	TRY(compile(&conf->circuit_id, a, &m->circuit_id));
	TRY(compile(&conf->remote_id, a, &m->remote_id));
	TRY(compile(&conf->subscriber_id, a, &m->subscriber_id));
	TRY(compile_architectures(&conf->architecture, a, m));
	TRY(add_macs(c, &conf->mac, bit, a));
	c->n++;
	return OK;
}

enum err dhcp_classes_init(struct dhcp_classes *c, const struct config_list *list, struct arena *a)
{
	const struct dhcp_class_conf *conf = list->items;
	struct dhcp_class_match *match = ARENA_ARRAY(a, struct dhcp_class_match, list->n);
	struct lineage lineage = {0};

	ASSERT(list->n <= DHCP_CLASSES_MAX);
	*c = (struct dhcp_classes){.match = match};
	prefix_trie_init(&c->macs, MAC_LEN, MAC_PREFIXES_MAX);
	if (!match)
		return ENOMEM;
	for (size_t i = 0; i < list->n; i++)
		TRY(add_class(c, &conf[i].match, &match[i], a));
	prefix_trie_each(&c->macs, inherit, &lineage);
	return OK;
}

void dhcp_classes_done(struct dhcp_classes *c)
{
	prefix_trie_done(&c->macs);
	*c = (struct dhcp_classes){0};
}

/* --- a client --- */

static bool any_matches(const struct dhcp_class_patterns *p, struct span octets)
{
	for (size_t i = 0; i < p->n; i++) {
		if (dhcp_pattern_matches(&p->items[i], octets))
			return true;
	}
	return false;
}

/* What the class asks for and the client does not say is no match. */
static bool allows(const struct dhcp_class_patterns *p, struct span octets)
{
	return p->n == 0 || (octets.len && any_matches(p, octets));
}

/* RFC 3004: items with their lengths; some firmware writes one text without. */
static bool allows_user_class(const struct dhcp_class_patterns *p, struct span option)
{
	struct reader r = reader_of(option.data, option.len);
	struct span item;

	if (p->n == 0)
		return true;
	if (option.len == 0)
		return false;
	while (dhcp_item_next(&r, &item)) {
		if (any_matches(p, item))
			return true;
	}
	return any_matches(p, option);
}

static bool allows_architecture(const struct dhcp_class_match *m, struct span option)
{
	struct reader r = reader_of(option.data, option.len);

	if (m->architectures_n == 0)
		return true;
	while (reader_left(&r) >= 2) {
		uint16_t type = read_u16(&r);
		for (size_t i = 0; i < m->architectures_n; i++) {
			if (m->architectures[i] == type)
				return true;
		}
	}
	return false;
}

uint64_t dhcp_classes_of(const struct dhcp_classes *c, const struct dhcp_client *client)
{
	static const struct dhcp_relay_info no_relay;
	const struct dhcp_relay_info *relay = client->relay ? client->relay : &no_relay;
	uint64_t found = 0, mac = ~c->by_mac;

	if (c->n == 0)
		return 0;
	if (c->by_mac && client->mac_len == MAC_LEN) {
		const uint64_t *classes = prefix_trie_find(&c->macs, client->mac);
		mac |= classes ? *classes : 0;
	}
	struct span vendor = dhcp_message_option(client->message, DHCP_OPT_VENDOR_CLASS);
	struct span user = dhcp_message_option(client->message, DHCP_OPT_USER_CLASS);
	struct span arch = dhcp_message_option(client->message, DHCP_OPT_CLIENT_ARCHITECTURE);
	for (size_t i = 0; i < c->n; i++) {
		const struct dhcp_class_match *m = &c->match[i];
		if ((mac >> i & 1) && allows(&m->vendor_class, vendor) &&
		    allows_user_class(&m->user_class, user) &&
		    allows(&m->client_id, client->client_id) &&
		    allows(&m->circuit_id, relay->circuit_id) &&
		    allows(&m->remote_id, relay->remote_id) &&
		    allows(&m->subscriber_id, relay->subscriber_id) && allows_architecture(m, arch))
			found |= 1ULL << i;
	}
	return found;
}
