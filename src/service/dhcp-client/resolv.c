#include "service/dhcp-client/resolv.h"

#include "service/dhcp-client/setting.h"

/* resolv.conf(5): no more than six domains in the search list of older libraries. */
#define NAMES_MAX 6u

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

struct names {
	const struct dns_name *list[NAMES_MAX];
	size_t n;
};

static void add_name(struct names *names, const struct dns_name *name)
{
	if (!is_plain(name) || names->n == NAMES_MAX)
		return;
	for (size_t i = 0; i < names->n; i++)
		if (dns_name_equal(names->list[i], name))
			return;
	names->list[names->n++] = name;
}

static void write_search(const struct lease *const *leases, size_t n, struct writer *w)
{
	struct names names = {.n = 0};
	char text[DNS_NAME_TEXT_MAX];
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < leases[i]->search_n; k++)
			add_name(&names, &leases[i]->search[k]);
		/* RFC 3397: who has a search list does not look at the domain. */
		if (leases[i]->search_n == 0)
			add_name(&names, &leases[i]->domain);
	}
	if (names.n)
		write_text(w, "search");
	for (size_t i = 0; i < names.n; i++)
		write_format(w, " %s", dns_name_format(names.list[i], text));
	if (names.n)
		write_u8(w, '\n');
}

void resolv_text(const struct lease *const *leases, size_t n, struct writer *w)
{
	uint32_t seen[RESOLV_SERVERS_MAX];
	size_t seen_n = 0;
	write_text(w,
		   "# Written by gatehouse dhcp-client; changes are lost with the next lease.\n");
	write_search(leases, n, w);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < leases[i]->dns_n; k++) {
			bool again = seen_n == RESOLV_SERVERS_MAX;
			for (size_t s = 0; s < seen_n; s++)
				again |= seen[s] == leases[i]->dns[k];
			if (again)
				continue;
			struct ip_address a = setting_address(leases[i]->dns[k]);
			seen[seen_n++] = leases[i]->dns[k];
			write_text(w, "nameserver ");
			ip_address_write(w, &a);
			write_u8(w, '\n');
		}
}
