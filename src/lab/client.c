#include "lab/client.h"

#include "base/writer.h"
#include "lab/network.h"
#include "os/file.h"
#include "os/spawn.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCRIPT_MAX = 2048 };

/* %s: the host's folder. resolv.conf is written in place: it may be mounted over another. */
static const char script[] =
	"#!/bin/sh\n"
	"# What udhcpc does on this host of the lab with what it was told (udhcpc(8)).\n"
	"cd %s || exit 1\n"
	"case \"$1\" in\n"
	"deconfig)\n"
	"	rm -f lease\n"
	"	ip -4 address flush dev \"$interface\"\n"
	"	: > resolv.conf\n"
	"	;;\n"
	"bound|renew)\n"
	"	ip -4 address replace \"$ip/$mask\" dev \"$interface\" \\\n"
	"		valid_lft \"$lease\" preferred_lft \"$lease\"\n"
	"	for gateway in $router; do\n"
	"		ip -4 route replace default via \"$gateway\" dev \"$interface\"\n"
	"		break\n"
	"	done\n"
	"	{\n"
	"		test -z \"$domain\" || echo \"search $domain\"\n"
	"		for server in $dns; do echo \"nameserver $server\"; done\n"
	"	} > resolv.conf\n"
	"	echo \"$ip/$mask\" > lease\n"
	"	;;\n"
	"esac\n";

static const char *path_of(const char *host, const char *name, char buf[128])
{
	(void)snprintf(buf, 128, LAB_FOLDER "/%s%s%s", host, name[0] ? "/" : "", name);
	return buf;
}

enum err lab_client_prepare(const char *host)
{
	char path[128], folder[128], text[SCRIPT_MAX];
	struct writer w = writer_of(text, sizeof(text));

	write_format(&w, script, path_of(host, "", folder));
	TRY(writer_check(&w));
	TRY(file_write_atomic(path_of(host, "udhcpc.script", path), writer_span(&w), 0755));
	return file_write_atomic(path_of(host, "resolv.conf", path), (struct span){0}, 0644);
}

enum err lab_client_start(const char *host, int netns_fd, struct spawn_child *ret)
{
	char script_path[128], name[64];
	/* Asks every second until the gateway serves. */
	const char *argv[] = {"udhcpc", "-f", "-i", "eth0", "-T", "1",	       "-A", "1",
			      "-t",	"3",  "-x", name,   "-s", script_path, NULL};
	struct spawn s = SPAWN_INIT;

	(void)snprintf(name, sizeof(name), "hostname:%s", host);
	(void)path_of(host, "udhcpc.script", script_path);
	s.path = access("/usr/sbin/udhcpc", X_OK) == 0 ? "/usr/sbin/udhcpc" : "/sbin/udhcpc";
	s.argv = argv;
	s.netns_fd = netns_fd;
	return spawn_start(&s, ret);
}

bool lab_client_lease(const char *host, char ret[LAB_LEASE_TEXT_MAX])
{
	char path[128], *text = NULL;
	size_t len;

	if (file_read(path_of(host, "lease", path), LAB_LEASE_TEXT_MAX - 1, &text, &len))
		return false;
	struct span line = span_of(text, len);
	line.len = span_find(line, '\n');
	bool whole = line.len && line.len < len && span_to_cstr(line, ret, LAB_LEASE_TEXT_MAX);
	free(text);
	return whole;
}
