#include "lab/web.h"

#include "base/writer.h"
#include "lab/network.h"
#include "os/file.h"
#include "os/spawn.h"

#include <stdio.h>
#include <unistd.h>

enum { PAGE_MAX = 512 };

/* %s: the title, without letters that a shell takes for more. */
static const char page[] = "#!/bin/sh\n"
			   "printf 'Content-Type: text/plain\\r\\n\\r\\n'\n"
			   "# IPv4 on a socket of both families\n"
			   "from=${REMOTE_ADDR#\\[::ffff:}\n"
			   "echo \"%s; it was asked by ${from%%]}, port $REMOTE_PORT.\"\n";

enum err lab_web_start(const char *host, const char *title, int netns_fd, bool unprivileged)
{
	char folder[128], path[160], text[PAGE_MAX];
	/* It becomes nobody once it has the port. */
	const char *argv[] = {"busybox", "httpd", "-f",	  "-p",
			      "80",	 "-h",	  folder, unprivileged ? NULL : "-u",
			      "nobody",	 NULL};
	struct writer w = writer_of(text, sizeof(text));
	struct spawn s = SPAWN_INIT;
	struct spawn_child child;

	(void)snprintf(folder, sizeof(folder), LAB_FOLDER "/%s/www", host);
	(void)snprintf(path, sizeof(path), "%s/cgi-bin", folder);
	TRY(dir_ensure(path, 0755));
	write_format(&w, page, title);
	TRY(writer_check(&w));
	(void)snprintf(path, sizeof(path), "%s/cgi-bin/index.cgi", folder);
	TRY(file_write_atomic(path, writer_span(&w), 0755));
	s.path = access("/usr/bin/busybox", X_OK) == 0 ? "/usr/bin/busybox" : "/bin/busybox";
	s.argv = argv;
	s.netns_fd = netns_fd;
	TRY(spawn_start(&s, &child));
	spawn_child_done(&child); /* it ends with the lab, and not before */
	return OK;
}
