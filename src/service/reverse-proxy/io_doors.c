/* Where clients come in: opened at the start, compared with the configuration by a reload. */
#include "os/log.h"
#include "service/reverse-proxy/io_reverse.h"

#include <stdlib.h>

static enum err make_entries(struct reverse_proxy *p, const struct reverse_conf *conf)
{
	struct reverse_door doors[REVERSE_ADDRESSES_MAX];
	struct ip_endpoint at[REVERSE_ADDRESSES_MAX];
	p->entries_n = reverse_doors(conf, doors, REVERSE_ADDRESSES_MAX);
	p->entries = calloc(p->entries_n + 1, sizeof(*p->entries));
	if (!p->entries)
		return ENOMEM;
	for (size_t i = 0; i < p->entries_n; i++) {
		p->entries[i] = (struct reverse_entry){.at = doors[i].at, .number = i};
		at[i] = doors[i].at;
	}
	p->sockets.endpoints = p->entries_n;
	p->sockets.workers = p->workers_n;
	return proxy_sockets_open(&p->life.activation, ACTIVATION_TCP, at, &p->sockets);
}

static enum err make_streams(struct reverse_proxy *p, const struct reverse_conf *conf)
{
	p->streams_n = reverse_stream_doors(conf, REVERSE_STREAM_TCP, p->streams_at,
					    REVERSE_STREAM_ADDRESSES_MAX);
	p->datagrams_n = reverse_stream_doors(conf, REVERSE_STREAM_UDP, p->datagrams_at,
					      REVERSE_STREAM_ADDRESSES_MAX);
	p->stream_sockets.endpoints = p->streams_n;
	p->datagram_sockets.endpoints = p->datagrams_n;
	p->stream_sockets.workers = p->datagram_sockets.workers = p->workers_n;
	TRY(proxy_sockets_open(&p->life.activation, ACTIVATION_TCP, p->streams_at,
			       &p->stream_sockets));
	return proxy_sockets_open(&p->life.activation, ACTIVATION_UDP, p->datagrams_at,
				  &p->datagram_sockets);
}

enum err reverse_doors_open(struct reverse_proxy *p, const struct reverse_conf *conf)
{
	TRY(make_entries(p, conf));
	return make_streams(p, conf);
}

static void tell_unserved_at(const struct ip_endpoint *at)
{
	log_warning("an address that is new in the configuration is served after a restart",
		    LOG_ENDPOINT("listen", at));
}

static void tell_unserved_streams(const struct reverse_conf *conf, enum reverse_stream_kind kind,
				  const struct ip_endpoint *served, size_t served_n)
{
	struct ip_endpoint at[REVERSE_STREAM_ADDRESSES_MAX];
	size_t n = reverse_stream_doors(conf, kind, at, REVERSE_STREAM_ADDRESSES_MAX), k;
	for (size_t i = 0; i < n; i++) {
		for (k = 0; k < served_n; k++)
			if (ip_endpoint_equal(&served[k], &at[i]))
				break;
		if (k == served_n)
			tell_unserved_at(&at[i]);
	}
}

/* Addresses are opened at the start only. */
void reverse_doors_tell_unserved(const struct reverse_proxy *p, const struct reverse_conf *conf)
{
	struct reverse_door doors[REVERSE_ADDRESSES_MAX];
	size_t n = reverse_doors(conf, doors, REVERSE_ADDRESSES_MAX), k;
	for (size_t i = 0; i < n; i++) {
		for (k = 0; k < p->entries_n; k++)
			if (ip_endpoint_equal(&p->entries[k].at, &doors[i].at))
				break;
		if (k == p->entries_n)
			tell_unserved_at(&doors[i].at);
	}
	tell_unserved_streams(conf, REVERSE_STREAM_TCP, p->streams_at, p->streams_n);
	tell_unserved_streams(conf, REVERSE_STREAM_UDP, p->datagrams_at, p->datagrams_n);
}
