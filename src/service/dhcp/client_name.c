/* What a client calls itself (options 12 and 81), and what it is told of that (RFC 4702). */
#include "service/dhcp/exchange.h"

#include "proto/dhcp/build.h"

/* RFC 4702 3: a client that sends option 81 means that name, not option 12. */
static struct names_label wished(struct dhcp_exchange *x)
{
	struct span text;
	const struct dhcp_message *m = &x->message;
	x->has_fqdn = dhcp_message_has(m, DHCP_OPT_CLIENT_FQDN) &&
		      dhcp_fqdn_read(dhcp_message_option(m, DHCP_OPT_CLIENT_FQDN), &x->fqdn) == OK;
	if (x->has_fqdn && x->fqdn.name.wire[0])
		return names_label_clean(span_of(x->fqdn.name.wire + 1, x->fqdn.name.wire[0]));
	if (dhcp_message_text(m, DHCP_OPT_HOST_NAME, &text) == OK)
		return names_label_clean(text);
	return (struct names_label){0};
}

void dhcp_exchange_name(struct dhcp_exchange *x)
{
	const struct dhcp_reservation *r = x->client.reservation;
	struct names_label wish = wished(x);
	if (r && r->name)
		wish = names_label_clean(span_text(r->name));
	else if (names_label_is_everybodys(&wish))
		wish = (struct names_label){0};
	x->label = wish;
}

/* RFC 4702 3.1: the domain is the server's to complete. */
static void complete(const struct dhcp_naming *naming, const struct dhcp_exchange *x,
		     struct dhcp_fqdn *f)
{
	struct dns_name name;
	struct span label = span_of(x->label.text, x->label.len);
	if (!naming->domain.len || naming->domain.wire[0] == 0 || !label.len ||
	    dns_name_prepend_label(label, &naming->domain, &name) != OK)
		return;
	f->name = name;
	f->partial = false;
}

void dhcp_reply_fqdn(const struct dhcp_engine *e, const struct dhcp_exchange *x,
		     struct dhcp_build *b)
{
	/* RFC 4702 4: the option answers one of the client's, and is not sent without. */
	if (!x->has_fqdn)
		return;
	struct dhcp_fqdn f = x->fqdn;
	bool s = f.flags & DHCP_FQDN_S, n = f.flags & DHCP_FQDN_N;
	struct names_fqdn_verdict v = {.n = true, .o = s};
	if (e->naming.updates)
		v = names_fqdn_judge(e->naming.policy, s, n);
	f.flags = (uint8_t)((f.flags & DHCP_FQDN_E) | (v.s ? DHCP_FQDN_S : 0) |
			    (v.o ? DHCP_FQDN_O : 0) | (v.n ? DHCP_FQDN_N : 0));
	f.rcode = DHCP_FQDN_RCODE;
	complete(&e->naming, x, &f);
	uint8_t value[3 + DNS_NAME_TEXT_MAX];
	struct writer w = writer_of(value, sizeof(value));
	dhcp_fqdn_write(&w, &f);
	if (writer_check(&w) == OK)
		dhcp_build_option(b, DHCP_OPT_CLIENT_FQDN, writer_span(&w));
}

void dhcp_engine_set_naming(struct dhcp_engine *e, const struct dhcp_naming *naming)
{
	e->naming = *naming;
}
