# Targets for people and for CI; `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

MVN := ./mvnw -B -ntp -q -Dstyle.color=never
JAVA = $(shell ./mvnw --java-home)/bin/java
JVM_FLAGS := --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow
# One identity hash code for all objects: jlink's plugins that make and that strip classes run in its order.
SAME_ORDER := -XX:+UnlockExperimentalVMOptions -XX:hashCode=2
SOURCES := pom.xml $(shell find src .mvn -type f)
BUILT := target/.built
TEST_CLASS_PATH = target/test-classes:target/classes:$(shell cat target/test.classpath)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BUILT): $(SOURCES)
	@echo "building (the first time downloads the dependencies, which takes some minutes)"
	@$(MVN) -DskipTests package
	@sed 's#@JAVA@#$(JAVA)#' src/main/sh/vmabi > target/vmabi && chmod +x target/vmabi
	@cp target/vmabi target/kubectl-vmabi && cp src/main/sh/kubectl_complete-vmabi target/
	@touch $@

.PHONY: build
build: $(BUILT) ## Compile, check style and package; target/vmabi is the command line, target/kubectl-vmabi the plugin

.PHONY: test
test: ## Run every test; prints which API server the suite ran on
	@./mvnw -B -ntp -Dstyle.color=never verify

.PHONY: soak
soak: ## Run 100,000 random sequences against the rules of the pin; SEQUENCES=N runs another number
	@$(MVN) -Dtest=FleetInvariantsTest -Dvmabi.sequences=$(or $(SEQUENCES),100000) test

.PHONY: steady
steady: $(BUILT) ## Count the writes of 1,000 nodes in which nothing changes, for five minutes
	@$(MVN) -Dit.test=SteadyStateIT -Dvmabi.steady.nodes=1000 -Dvmabi.steady.seconds=300 failsafe:integration-test failsafe:verify

.PHONY: demo
demo: $(BUILT) ## Show the whole product on recorded hosts; KEEP=1 keeps it serving
	@$(JAVA) $(JVM_FLAGS) -cp $(TEST_CLASS_PATH) dev.vmabi.demo.Demo $(if $(KEEP),--keep)

.PHONY: browser
browser: $(BUILT) target/browser/node_modules ## Drive the page in headless Chromium (HEAP of the operator in MiB); PICTURES=docs/images takes those of the docs
	@$(JAVA) $(JVM_FLAGS) $(if $(HEAP),-Dvmabi.heap=$(HEAP)) -cp $(TEST_CLASS_PATH) dev.vmabi.browser.Browse $(PICTURES)

# Checks what is accessible; used in tests alone.
target/browser/node_modules:
	@npm install --loglevel=error --no-audit --no-fund --prefix target/browser axe-core@4.14.1

.PHONY: observe
observe: $(BUILT) ## Check rules and dashboard with a real Prometheus that scrapes the running demo
	@promtool check rules helm/vmabi/rules/vmabi.yaml
	@promtool test rules src/test/prometheus/rules.test.yaml
	@$(JAVA) $(JVM_FLAGS) -cp $(TEST_CLASS_PATH) dev.vmabi.observe.Observe

.PHONY: bench
bench: $(BUILT) ## Measure the algebra (JMH) and what the gate adds; docs/performance.md has results
	@$(JAVA) -cp $(TEST_CLASS_PATH) org.openjdk.jmh.Main dev.vmabi.bench
	@$(JAVA) -XX:+UseSerialGC -cp $(TEST_CLASS_PATH) dev.vmabi.gate.AdmissionBench

.PHONY: scale
scale: $(BUILT) ## Simulate a fleet and measure (NODES, VMS, PROFILES, HEAP in MiB; BRIEF=1: some of it); docs/performance.md has results
	@$(JAVA) $(JVM_FLAGS) -cp $(TEST_CLASS_PATH) dev.vmabi.scale.Scale \
	  $(or $(NODES),5000) $(or $(VMS),50000) $(or $(PROFILES),40) $(or $(HEAP),160) $(if $(BRIEF),brief)

.PHONY: chaos
chaos: $(BUILT) ## Inject faults for 20 minutes (SECONDS=n, SEED=n) and check the rules from outside; docs/chaos.md has results
	@$(JAVA) $(JVM_FLAGS) -cp $(TEST_CLASS_PATH) dev.vmabi.chaos.Chaos $(or $(SECONDS),1200) $(SEED)

.PHONY: lab
lab: $(BUILT) ## Boot emulated arm64 hosts (all, or HOSTS=n) with the real agent and check what they report
	@$(JAVA) $(JVM_FLAGS) -cp $(TEST_CLASS_PATH) dev.vmabi.lab.Lab $(HOSTS)

.PHONY: lab-migrate
lab-migrate: $(BUILT) ## Migrate real VMs between emulated hosts; writes docs/lab-migrations.md
	@$(JAVA) $(JVM_FLAGS) -cp $(TEST_CLASS_PATH) dev.vmabi.lab.LabMigrate docs/lab-migrations.md $(HOSTS)

.PHONY: lab-pins
lab-pins: $(BUILT) ## What every two unlike emulated CPUs have in common; writes docs/lab-pins.md
	@$(JAVA) $(JVM_FLAGS) -cp $(TEST_CLASS_PATH) dev.vmabi.lab.LabPins docs/lab-pins.md

.PHONY: lab-cost
lab-cost: $(BUILT) ## Measure the agent on an emulated host: memory, start, and ten idle minutes (SECONDS=n)
	@$(JAVA) $(JVM_FLAGS) -cp $(TEST_CLASS_PATH) dev.vmabi.lab.LabCost $(or $(SECONDS),600)

.PHONY: lab-images
lab-images: images ## Run the arm64 images of agent and operator on an emulated arm64 host with KVM
	@LAB_MEMORY=1792 $(JAVA) $(JVM_FLAGS) -cp $(TEST_CLASS_PATH) dev.vmabi.lab.LabImages

.PHONY: images
images: $(BUILT) ## Build the images of operator and agent into target/images; REGISTRY=host/path also pushes them
	@$(JAVA) $(JVM_FLAGS) $(SAME_ORDER) -cp $(TEST_CLASS_PATH) dev.vmabi.image.Images

AGAIN := target/images-check/source

.PHONY: images-check
images-check: images ## Build source and images once more elsewhere and compare, push, and run them unpacked (as root on Linux, amd64)
	@echo "images: building the same source again in $(AGAIN)"
	@rm -rf $(AGAIN) && mkdir -p $(AGAIN)
	@git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- -cf - | tar -xf - -C $(AGAIN)
	@echo "gitdir: $$(git rev-parse --absolute-git-dir)" > $(AGAIN)/.git && ln -s $(CURDIR)/.cache $(AGAIN)/.cache
	@REGISTRY= $(MAKE) --no-print-directory -C $(AGAIN) images
	@$(JAVA) $(JVM_FLAGS) -cp $(TEST_CLASS_PATH) dev.vmabi.image.ImagesCheck

.PHONY: image-pins
image-pins: ## Pin what the images take from Debian to what its archive has now
	@src/main/images/pin.sh > src/main/images/debian.new && mv src/main/images/debian.new src/main/images/debian.txt
	@git diff --stat src/main/images/debian.txt

.PHONY: image-pins-check
image-pins-check: ## Fail if Debian or its security updates have another version of what the images take from it
	@mkdir -p target && src/main/images/pin.sh > target/debian.new
	@awk '/^#/ { next } NR == FNR { pinned[$$2 " " $$1] = $$3; next } \
	  pinned[$$2 " " $$1] != $$3 { print $$2 " " $$1 ": pinned is " pinned[$$2 " " $$1] ", Debian has " $$3; stale = 1 } \
	  END { if (stale) print "take them with: make image-pins"; exit stale }' src/main/images/debian.txt target/debian.new

.PHONY: crds
crds: $(BUILT) ## Generate crds/ from the code
	@$(JAVA) -cp $(TEST_CLASS_PATH) dev.vmabi.api.Crds crds

.PHONY: manifests
manifests: $(BUILT) ## Generate the chart's copies of crds/ and of the gate's rules, and deploy/ from the chart
	@$(JAVA) $(JVM_FLAGS) -Djava.util.logging.manager=org.jboss.logmanager.LogManager -cp $(TEST_CLASS_PATH) dev.vmabi.chart.Chart

.PHONY: format
format: ## Format the code
	@$(MVN) spotless:apply

.PHONY: clean
clean: ## Delete what was built
	@rm -rf target
