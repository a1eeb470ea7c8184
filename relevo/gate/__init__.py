"""What the gate would say: `facts` reads what it needs, `explain` asks it rule by rule."""
