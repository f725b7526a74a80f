/* What name a lease shall have, and the messages of RFC 4703 section 5, one for each step. */
#include "names/names_inner.h"
#include "proto/dns/type.h"

static const struct span nothing = {0};

static bool is_taken(const struct names_conf *conf, const struct names_label *l)
{
	if (names_label_is_everybodys(l))
		return true;
	for (size_t i = 0; i < conf->reserved_n; i++)
		if (names_label_equal(l, &conf->reserved[i]))
			return true;
	return false;
}

void names_dhcid_of(const struct names_conf *conf, const struct names_lease *l,
		    const struct names_label *label, uint8_t ret[DNS_DHCID_LEN])
{
	struct dns_name name;

	names_full(conf, label, &name);
	if (l->duid.len)
		dns_dhcid_make(DNS_DHCID_DUID, l->duid, &name, ret);
	else
		dns_dhcid_make_v4(l->client_id, l->htype, l->mac, &name, ret);
}

struct names_holder names_holder_of(const struct names_conf *conf, const struct names_lease *l,
				    bool made)
{
	struct names_holder h = {.parts = NAMES_FORWARD | NAMES_REVERSE,
				 .ttl_s = l->lease_s / 3,
				 .label = names_label_clean(l->name)};

	if (h.ttl_s > conf->ttl_max_s)
		h.ttl_s = conf->ttl_max_s;
	if (l->fqdn) {
		struct names_fqdn_verdict v = names_fqdn_judge(conf->fqdn, l->fqdn_s, l->fqdn_n);
		h.parts = (uint8_t)((v.forward ? NAMES_FORWARD : 0) |
				    (v.reverse ? NAMES_REVERSE : 0));
	}
	if (made || (h.label.len && !l->reserved && is_taken(conf, &h.label)))
		h.label.len = 0;
	if (h.label.len == 0 && (made || conf->generate))
		h.label = names_label_of_address(&l->address);
	if (h.parts == 0)
		h.label.len = 0;
	if (h.label.len)
		names_dhcid_of(conf, l, &h.label, h.dhcid);
	return h;
}

void names_full(const struct names_conf *conf, const struct names_label *label,
		struct dns_name *ret)
{
	enum err e = dns_name_prepend_label(span_of(label->text, label->len), &conf->domain, ret);

	if (e) /* the configuration's check left room for any label */
		*ret = conf->domain;
}

const struct names_zone *names_zone_of(const struct names_conf *conf, const struct names_entry *e)
{
	const struct names_zone *best = NULL;
	struct dns_name reverse;

	if (e->step != NAMES_ADD_PTR && e->step != NAMES_REMOVE_PTR)
		return &conf->forward;
	dns_name_from_address(&e->address, &reverse);
	for (size_t i = 0; i < conf->reverse_n; i++) {
		const struct names_zone *z = &conf->reverse[i];
		if (dns_name_is_under(&reverse, &z->zone) &&
		    (!best || z->zone.len > best->zone.len))
			best = z;
	}
	return best;
}

struct writing {
	struct dns_build b;
	struct dns_update_item item; /* owner, and what is to change */
	struct span dhcid, address;
	uint16_t address_type;
};

static void change(struct writing *w, enum dns_update_kind kind, uint16_t type, struct span rdata)
{
	w->item.type = type;
	w->item.rdata = rdata;
	dns_update_change(&w->b, kind, &w->item);
}

static void require(struct writing *w, enum dns_prerequisite_kind kind, uint16_t type,
		    struct span rdata)
{
	dns_update_require(&w->b, kind, &w->item.owner, type, rdata);
}

static void put_step(struct writing *w, enum names_step step, const struct dns_name *host)
{
	switch (step) {
	case NAMES_ADD:
		require(w, DNS_PREREQUISITE_NO_NAME, 0, nothing);
		change(w, DNS_UPDATE_ADD, w->address_type, w->address);
		change(w, DNS_UPDATE_ADD, DNS_TYPE_DHCID, w->dhcid);
		break;
	case NAMES_REPLACE:
		/* The other family's record stays: a dual-stack client has one DHCID. */
		require(w, DNS_PREREQUISITE_NAME, 0, nothing);
		require(w, DNS_PREREQUISITE_RECORD, DNS_TYPE_DHCID, w->dhcid);
		change(w, DNS_UPDATE_DELETE_RRSET, w->address_type, nothing);
		change(w, DNS_UPDATE_ADD, w->address_type, w->address);
		break;
	case NAMES_ADD_PTR:
		change(w, DNS_UPDATE_DELETE_RRSET, DNS_TYPE_PTR, nothing);
		change(w, DNS_UPDATE_ADD, DNS_TYPE_PTR, dns_name_span(host));
		break;
	case NAMES_REMOVE:
		require(w, DNS_PREREQUISITE_RECORD, DNS_TYPE_DHCID, w->dhcid);
		change(w, DNS_UPDATE_DELETE, w->address_type, w->address);
		break;
	case NAMES_REMOVE_DHCID:
		/* What else somebody wrote at the name is not ours to take. */
		require(w, DNS_PREREQUISITE_RECORD, DNS_TYPE_DHCID, w->dhcid);
		require(w, DNS_PREREQUISITE_NO_RRSET, DNS_TYPE_A, nothing);
		require(w, DNS_PREREQUISITE_NO_RRSET, DNS_TYPE_AAAA, nothing);
		change(w, DNS_UPDATE_DELETE_RRSET, DNS_TYPE_DHCID, nothing);
		break;
	case NAMES_REMOVE_PTR:
		require(w, DNS_PREREQUISITE_RECORD, DNS_TYPE_PTR, dns_name_span(host));
		change(w, DNS_UPDATE_DELETE_RRSET, DNS_TYPE_PTR, nothing);
		break;
	case NAMES_IDLE: break;
	}
}

struct span names_message(const struct names_conf *conf, const struct names_entry *e, uint16_t id,
			  uint8_t *buf, size_t cap)
{
	const struct names_zone *zone = names_zone_of(conf, e);
	bool reverse = e->step == NAMES_ADD_PTR || e->step == NAMES_REMOVE_PTR;
	struct dns_name host;
	struct writing w = {
		.item = {.ttl_s = e->have.ttl_s},
		.dhcid = span_of(e->have.dhcid, sizeof(e->have.dhcid)),
		.address = ip_address_span(&e->address),
		.address_type = e->address.family == 4 ? DNS_TYPE_A : DNS_TYPE_AAAA,
	};

	names_full(conf, &e->have.label, &host);
	if (reverse)
		dns_name_from_address(&e->address, &w.item.owner);
	else
		w.item.owner = host;
	dns_update_begin(&w.b, buf, cap, id, &zone->zone);
	put_step(&w, e->step, &host);
	return dns_update_finish(&w.b);
}
