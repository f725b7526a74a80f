#include "service/dhcp-client/resolv.h"

#include "base/reader.h"
#include "proto/dhcp6/message.h"
#include "service/dhcp-client/setting.h"

/* --- gathering -------------------------------------------------------------------------------- */

static bool is_plain(const struct dns_name *n)
{
	if (n->len <= 1)
		return false;
	for (size_t at = 0; n->wire[at] && at < n->len; at += n->wire[at] + 1u)
		for (size_t i = 1; i <= n->wire[at]; i++) {
			uint8_t c = n->wire[at + i];
			if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
			      c == '_'))
				return false;
		}
	return true;
}

static void add_name(struct resolv *r, const struct dns_name *name)
{
	if (!is_plain(name) || r->names_n == RESOLV_NAMES_MAX)
		return;
	for (size_t i = 0; i < r->names_n; i++)
		if (dns_name_equal(&r->names[i], name))
			return;
	r->names[r->names_n++] = *name;
}

static void add_server(struct resolv *r, const struct ip_address *a)
{
	if (r->servers_n == RESOLV_SERVERS_MAX || ip_address_is_unspecified(a) ||
	    ip_address_is_loopback(a) || ip_address_is_multicast(a) || ip_address_is_link_local(a))
		return;
	for (size_t i = 0; i < r->servers_n; i++)
		if (ip_address_equal(&r->servers[i], a))
			return;
	r->servers[r->servers_n++] = *a;
}

void resolv_add_lease(struct resolv *r, const struct lease *l)
{
	for (size_t i = 0; i < l->dns_n; i++) {
		struct ip_address a = setting_address(l->dns[i]);
		add_server(r, &a);
	}
	for (size_t i = 0; i < l->search_n; i++)
		add_name(r, &l->search[i]);
	/* RFC 3397: who has a search list does not look at the domain. */
	if (l->search_n == 0)
		add_name(r, &l->domain);
}

void resolv_add_options6(struct resolv *r, struct span options)
{
	struct reader servers = reader_of_span(dhcp6_option_find(options, DHCP6_OPT_DNS_SERVERS));
	struct reader names = reader_of_span(dhcp6_option_find(options, DHCP6_OPT_DOMAIN_LIST));
	struct dns_name name;
	while (reader_left(&servers) >= 16) {
		struct ip_address a = ip_address_of(read_span(&servers, 16));
		add_server(r, &a);
	}
	/* RFC 3646 4: names are not compressed here. */
	while (reader_left(&names) && dns_name_read(&names, reader_of(NULL, 0), &name) == OK)
		add_name(r, &name);
}

/* --- writing ---------------------------------------------------------------------------------- */

void resolv_text(const struct resolv *r, struct writer *w)
{
	char text[DNS_NAME_TEXT_MAX];
	write_text(w,
		   "# Written by gatehouse dhcp-client; changes are lost with the next lease.\n");
	if (r->names_n)
		write_text(w, "search");
	for (size_t i = 0; i < r->names_n; i++)
		write_format(w, " %s", dns_name_format(&r->names[i], text));
	if (r->names_n)
		write_u8(w, '\n');
	for (size_t i = 0; i < r->servers_n; i++) {
		write_text(w, "nameserver ");
		ip_address_write(w, &r->servers[i]);
		write_u8(w, '\n');
	}
}
