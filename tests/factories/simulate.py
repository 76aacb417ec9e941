from dekhang.simulate.size import Size

# a province in which every way of lying that one province can use occurs
SMALL = Size(units=60, people=900, evidence=9_000, alerts=600, months=14, lies=0.8, ledger_days=4)
