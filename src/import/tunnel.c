#include "import/tunnel.h"

#include "import/yaml_scalar.h"

#include <inttypes.h>

static void peer_write(const struct import_peer *p, struct writer *w)
{
	import_yaml_indent(w, 4);
	import_yaml_scalar(w, p->name);
	write_text(w, ":\n");
	import_yaml_line(w, 5, "public-key", p->public_key);
	import_yaml_line(w, 5, "preshared-key", p->preshared_key);
	import_yaml_list(w, 5, "allowed-ips", &p->allowed_ips);
	import_yaml_line(w, 5, "endpoint", p->endpoint);
	if (p->keepalive_s) {
		import_yaml_indent(w, 5);
		write_format(w, "keepalive: %" PRIu64 "s\n", p->keepalive_s);
	}
}

void import_tunnel_write(const struct import_tunnel *t, struct writer *w)
{
	write_text(w, "vpn:\n  interfaces:\n    ");
	import_yaml_scalar(w, t->device);
	write_text(w, ":\n");
	if (t->port)
		write_format(w, "      listen: [\"0.0.0.0:%" PRIu64 "\", \"[::]:%" PRIu64 "\"]\n",
			     t->port, t->port);
	import_yaml_line(w, 3, "private-key", t->private_key);
	import_yaml_list(w, 3, "addresses", &t->addresses);
	if (t->mtu)
		write_format(w, "      mtu: %" PRIu64 "\n", t->mtu);
	if (t->no_routes)
		write_text(w, "      routes: []\n");
	if (t->peers)
		write_text(w, "      peers:\n");
	for (const struct import_peer *p = t->peers; p; p = p->next)
		peer_write(p, w);
}
