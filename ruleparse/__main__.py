from ruleparse.cli import main

main()
