/*
 * Runs a program as a container runtime would in a pod of the chart: within a root file system, as user and group 65532
 * and one more group, without capabilities and without a way to new ones. Cgroups and seccomp are missing.
 *
 * usage: pod ROOT GROUP PROGRAM [ARGUMENT...]
 */
#define _GNU_SOURCE
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define USER 65532

static void must(int result, const char *what)
{
	if (result) {
		perror(what);
		exit(125);
	}
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: pod ROOT GROUP PROGRAM [ARGUMENT...]\n");
		return 125;
	}
	gid_t group = (gid_t)atoi(argv[2]);
	must(chroot(argv[1]), argv[1]);
	must(chdir("/"), "/");
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		must(prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "capabilities");
	must(setgroups(1, &group), "groups");
	must(setresgid(USER, USER, USER), "group");
	must(setresuid(USER, USER, USER), "user");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges");
	execv(argv[3], argv + 3);
	must(1, argv[3]);
}
